import QtQuick

// The newest log lines for technicians. Rows hold no drawn signs, as in the list of checks.
Rectangle {
    id: screen

    property var logs
    readonly property var view: logs.view

    color: Theme.background

    Column {
        id: top
        anchors.left: parent.left
        anchors.right: parent.right
        spacing: 4 * Theme.u
        Words {
            objectName: "logsTitle"
            width: parent.width
            text: screen.view.title
            size: Theme.body
            strong: true
        }
        Words {
            objectName: "logsMessage"
            width: parent.width
            text: screen.view.message
            size: 14
            color: Theme.muted
        }
        Words {
            objectName: "logsEmpty"
            width: parent.width
            visible: text !== ""
            text: screen.view.empty
            size: Theme.small
            strong: true
        }
    }

    ListView {
        id: list
        objectName: "logsList"
        anchors.left: parent.left
        anchors.right: bar.left
        anchors.rightMargin: 8 * Theme.u
        anchors.top: top.bottom
        anchors.topMargin: Theme.gap
        anchors.bottom: buttons.top
        anchors.bottomMargin: Theme.gap
        clip: true
        spacing: 6 * Theme.u
        boundsBehavior: Flickable.StopAtBounds
        model: screen.view.items
        delegate: TechnicianLogRow {
            required property var modelData
            width: list.width
            item: modelData
        }
    }
    ScrollMark {
        id: bar
        anchors.right: parent.right
        anchors.top: list.top
        anchors.bottom: list.bottom
        list: list
    }

    Row {
        id: buttons
        readonly property real each: (parent.width - 2 * spacing) / 3
        anchors.left: parent.left
        anchors.bottom: parent.bottom
        spacing: Theme.gap
        TechnicianButton {
            objectName: "logsBack"
            width: buttons.each
            text: screen.view.back
            onTapped: screen.logs.leave()
        }
        TechnicianButton {
            objectName: "logsFilter"
            width: buttons.each
            text: screen.view.filter
            chosen: screen.view.is_filtered
            onTapped: screen.logs.switch_filter()
        }
        TechnicianButton {
            objectName: "logsAgain"
            width: buttons.each
            text: screen.view.again
            onTapped: screen.logs.refresh()
        }
    }
}
