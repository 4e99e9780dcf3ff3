import QtQuick

// First name and initial, the status, and a way to say that it is wrong.
Item {
    id: screen

    property var welcome
    signal notMe

    Column {
        id: answer
        readonly property real others: greeting.height + pill.height + recorded.height + 4 * spacing
            + (notMe.visible ? notMe.height : 0)
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.topMargin: Theme.portrait ? 0 : 24 * Theme.u
        spacing: Theme.gap
        Words {
            id: greeting
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
            smallest: 14
            maximumHeight: screen.height - answer.y - answer.others
        }
        StatusPill {
            id: pill
            x: Theme.startX(parent.width, width)
            maximumWidth: parent.width
            icon: screen.welcome.view.icon
            text: screen.welcome.view.status
            tone: screen.welcome.view.tone
        }
        Words {
            id: recorded
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.welcome.view.recorded
            size: Theme.detail
            color: Theme.muted
        }
    }
    ActionButton {
        id: notMe
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
