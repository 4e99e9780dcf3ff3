import QtQuick

// First name and initial, the status, and a way to say that it is wrong.
Item {
    id: screen

    property var welcome
    readonly property bool hasTwo: welcome.view.direction !== "" && welcome.view.can_undo
    signal notMe
    signal directionTapped

    Column {
        id: answer
        readonly property real others: greeting.height + pill.height + buttons.height
            + (recorded.visible ? recorded.height + 4 * spacing : 3 * spacing)
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.topMargin: Theme.portrait ? 0 : (screen.hasTwo ? 8 : 24) * Theme.u
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
            visible: text !== ""
            text: screen.welcome.view.recorded
            size: Theme.detail
            color: Theme.muted
        }
    }
    Grid {
        id: buttons
        anchors.bottom: parent.bottom
        x: Theme.startX(parent.width, width)
        columns: 1
        horizontalItemAlignment: Theme.portrait ? Grid.AlignHCenter : Theme.mirrored ? Grid.AlignRight : Grid.AlignLeft
        spacing: Theme.gap
        ActionButton {
            id: direction
            objectName: "direction"
            visible: screen.welcome.view.direction !== ""
            icon: screen.welcome.view.direction_icon
            text: screen.welcome.view.direction
            onTapped: screen.directionTapped()
        }
        ActionButton {
            id: notMe
            objectName: "notMe"
            visible: screen.welcome.view.can_undo
            icon: "undo"
            text: screen.welcome.view.not_me
            remaining: screen.welcome.view.remaining
            onTapped: screen.notMe()
        }
    }
}
