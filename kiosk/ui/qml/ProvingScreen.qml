import QtQuick

// Prove it is you: a drawn head makes the motion that is asked for, and a bar shows the time left.
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
            size: (Theme.portrait ? 160 : 138) * Theme.u
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
        Rectangle {
            id: time
            width: parent.width
            height: 12 * Theme.u
            radius: height / 2
            color: Theme.outline
            Rectangle {
                objectName: "timeLeft"
                x: Theme.startX(time.width, width)
                width: Math.max(height, time.width * shown)
                height: parent.height
                radius: height / 2
                color: Theme.accent
                property real shown: screen.proving.view.left
                Behavior on shown {
                    enabled: Theme.animated
                    NumberAnimation { duration: 120 }
                }
            }
        }
    }
}
