import QtQuick

// Where and when: the room and the clock. A long name of a room is smaller, and gets further lines
// where there is space for them.
Item {
    id: header

    property var place
    property bool roomy: false
    readonly property real usual: 40 * Theme.u
    readonly property real tall: 88 * Theme.u
    implicitHeight: Math.max(usual, room.height)

    Row {
        anchors.left: parent.left
        anchors.verticalCenter: parent.verticalCenter
        spacing: 8 * Theme.u
        Icon {
            id: door
            anchors.verticalCenter: parent.verticalCenter
            visible: header.place.view.room !== ""
            name: "door"
            size: 26 * Theme.u
            color: Theme.accent
        }
        Words {
            id: room
            anchors.verticalCenter: parent.verticalCenter
            width: header.width - clock.width - door.width - 28 * Theme.u
            maximumHeight: !header.roomy || Theme.fitter.fits(text, strong, Qt.size(width, header.usual), smallestPx)
                ? header.usual : header.tall
            text: header.place.view.room
            size: Theme.body
            smallest: 13
            strong: true
        }
    }
    Words {
        id: clock
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        text: header.place.view.clock
        size: Theme.body
        color: Theme.muted
        wrapMode: Text.NoWrap
    }
}
