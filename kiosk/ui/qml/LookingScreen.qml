import QtQuick

// One short hint at a time.
Item {
    id: screen

    property var looking

    Column {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap * 1.5
        Icon {
            x: Theme.startX(parent.width, width)
            name: screen.looking.view.icon
            size: 64 * Theme.u
            weight: 1.7
            color: Theme.accent
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.looking.view.hint
            size: 46
            strong: true
        }
    }
}
