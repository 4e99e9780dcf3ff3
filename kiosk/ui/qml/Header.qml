import QtQuick

// Where and when: the room and the clock.
Item {
    id: header

    property var place
    implicitHeight: 40 * Theme.u

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
            anchors.verticalCenter: parent.verticalCenter
            width: Math.min(advance, header.width - clock.width - door.width - 28 * Theme.u)
            text: header.place.view.room
            size: Theme.body
            strong: true
            fitted: true
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
