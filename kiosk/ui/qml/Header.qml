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
            anchors.verticalCenter: parent.verticalCenter
            visible: header.place.view.room !== ""
            name: "door"
            size: 26 * Theme.u
            color: Theme.accent
        }
        Words {
            anchors.verticalCenter: parent.verticalCenter
            text: header.place.view.room
            size: Theme.body
            strong: true
            wrapMode: Text.NoWrap
        }
    }
    Words {
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        text: header.place.view.clock
        size: Theme.body
        color: Theme.muted
        wrapMode: Text.NoWrap
    }
}
