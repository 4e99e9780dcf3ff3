import QtQuick

// A PIN was right: is this the person's name? Nothing is recorded before the answer.
Item {
    id: screen

    property var entry
    readonly property var view: entry.view

    Column {
        id: story
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.topMargin: Theme.portrait ? 0 : 24 * Theme.u
        spacing: Theme.gap
        Words {
            id: question
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.view.question
            size: Theme.body
            color: Theme.muted
        }
        Words {
            objectName: "askedName"
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.view.name
            size: Theme.display
            strong: true
            smallest: 14
            maximumHeight: answers.y - story.y - question.height - body.height - 3 * story.spacing
        }
        Words {
            id: body
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.view.body
            size: Theme.detail
            color: Theme.muted
        }
    }
    Row {
        id: answers
        readonly property real each: (width - spacing) / 2
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.bottom: parent.bottom
        spacing: Theme.gap
        ActionButton {
            objectName: "nameNo"
            width: answers.each
            height: 76 * Theme.u
            text: screen.view.no
            onTapped: screen.entry.answer(false)
        }
        ActionButton {
            objectName: "nameYes"
            width: answers.each
            height: 76 * Theme.u
            primary: true
            text: screen.view.yes
            onTapped: screen.entry.answer(true)
        }
    }
}
