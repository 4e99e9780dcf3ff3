import QtQuick

// Room, lesson and time; nobody's name.
Item {
    id: screen

    property var ready

    Column {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            maximumHeight: screen.height - hours.height - instruction.height - 4 * Theme.gap
            text: screen.ready.view.title
            size: Theme.title
            strong: true
        }
        Words {
            id: hours
            width: parent.width
            visible: text !== ""
            horizontalAlignment: Theme.alignment
            text: screen.ready.view.hours
            size: Theme.body
            color: Theme.muted
        }
        Item { width: 1; height: Theme.gap; visible: instruction.visible }
        StatusPill {
            id: instruction
            visible: text !== ""
            x: Theme.startX(parent.width, width)
            maximumWidth: parent.width
            icon: screen.ready.view.icon
            text: screen.ready.view.instruction
            tone: screen.ready.view.tone
        }
    }
}
