import QtQuick

// A calm answer in words: where to go, or whom to ask.
Item {
    id: screen

    property var notice

    Column {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gap
        Words {
            width: parent.width
            visible: text !== ""
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.name
            size: Theme.body
            color: Theme.muted
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.title
            size: Theme.title
            strong: true
        }
        Words {
            width: parent.width
            visible: text !== ""
            horizontalAlignment: Theme.alignment
            text: screen.notice.view.body
            size: Theme.body
            color: Theme.muted
        }
    }
}
