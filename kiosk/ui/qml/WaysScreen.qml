import QtQuick

// An answer that offers other ways, in letters of one size: no way counts less than the face.
Item {
    id: screen

    property var notice
    signal pinTapped
    signal teacherTapped
    readonly property int size: 28

    Column {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: 10 * Theme.u
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.title
            size: screen.size
            strong: true
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.body
            size: Theme.detail
            color: Theme.muted
        }
        Repeater {
            model: screen.notice.view.ways
            delegate: WayRow {
                required property var modelData
                objectName: "way-" + modelData.name
                width: parent.width
                way: modelData
                size: screen.size
                onTapped: modelData.name === "pin" ? screen.pinTapped() : screen.teacherTapped()
            }
        }
    }
}
