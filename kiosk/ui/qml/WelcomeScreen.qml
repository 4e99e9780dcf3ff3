import QtQuick

// First name and initial, the status, and a way to say that it is wrong.
Item {
    id: screen

    property var welcome
    signal notMe

    Column {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.topMargin: Theme.portrait ? 0 : 24 * Theme.u
        spacing: Theme.gap
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.welcome.view.greeting
            size: Theme.body
            color: Theme.muted
        }
        Words {
            objectName: "name"
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.welcome.view.name
            size: Theme.display
            strong: true
            wrapMode: Text.NoWrap
            fitted: true
        }
        StatusPill {
            x: Theme.startX(parent.width, width)
            maximumWidth: parent.width
            icon: screen.welcome.view.icon
            text: screen.welcome.view.status
            tone: screen.welcome.view.tone
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.welcome.view.recorded
            size: Theme.detail
            color: Theme.muted
        }
    }
    ActionButton {
        objectName: "notMe"
        visible: screen.welcome.view.can_undo
        anchors.bottom: parent.bottom
        x: Theme.startX(parent.width, width)
        icon: "undo"
        text: screen.welcome.view.not_me
        remaining: screen.welcome.view.remaining
        onTapped: screen.notMe()
    }
}
