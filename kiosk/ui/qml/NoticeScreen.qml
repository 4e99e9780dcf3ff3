import QtQuick

// A calm answer in words: where to go, or whom to ask.
Item {
    id: screen

    property var notice

    Column {
        id: answer
        readonly property real free: screen.height - body.height - 2 * spacing
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap
        Words {
            id: name
            objectName: "name"
            width: parent.width
            smallest: 14
            maximumHeight: answer.free * 0.45
            visible: text !== ""
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.name
            size: Theme.body
            color: Theme.muted
        }
        Words {
            width: parent.width
            maximumHeight: answer.free - (name.visible ? name.height : 0)
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.title
            size: Theme.title
            strong: true
        }
        Words {
            id: body
            width: parent.width
            maximumHeight: screen.height * 0.5
            smallest: 13
            visible: text !== ""
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.body
            size: Theme.body
            color: Theme.muted
        }
    }
}
