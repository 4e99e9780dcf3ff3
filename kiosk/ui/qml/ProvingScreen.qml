import QtQuick

// Prove it is you: a drawn head makes the motion that is asked for.
Item {
    id: screen

    property var proving

    Column {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap
        DrawnHead {
            x: Theme.startX(parent.width, width)
            size: (Theme.portrait ? 150 : 132) * Theme.u
            motion: screen.visible ? screen.proving.view.motion : ""
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.proving.view.title
            size: Theme.title
            strong: true
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.proving.view.body
            size: Theme.body
            color: Theme.muted
        }
    }
}
