import QtQuick

// One check: its name and state, what was found, and what to do.
Rectangle {
    id: row

    property var item
    readonly property bool bad: item.tone === "fail" || item.tone === "warn"
    readonly property color tint: item.tone === "fail" ? Theme.alarm : item.tone === "warn" ? Theme.late
        : item.tone === "ok" ? Theme.accent : Theme.muted

    height: column.height + 12 * Theme.u
    radius: 10 * Theme.u
    color: item.tone === "fail" ? Theme.alarmSoft : item.tone === "warn" ? Theme.lateSoft : Theme.surface
    border.width: bad ? 0 : 1
    border.color: Theme.outline

    Column {
        id: column
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.leftMargin: 10 * Theme.u
        anchors.rightMargin: 10 * Theme.u
        anchors.verticalCenter: parent.verticalCenter

        Item {
            width: parent.width
            height: Math.max(name.height, state.height)
            Words {
                id: name
                anchors.left: parent.left
                anchors.right: state.left
                anchors.rightMargin: 8 * Theme.u
                text: row.item.name
                size: Theme.small
                strong: true
            }
            Words {
                id: state
                anchors.right: parent.right
                text: row.item.state
                size: Theme.small
                strong: true
                wrapMode: Text.NoWrap
                color: row.tint
            }
        }
        Words {
            width: parent.width
            text: row.item.words
            size: 14
            color: Theme.ink
        }
        Words {
            width: parent.width
            visible: text !== ""
            text: row.item.fix
            size: 14
            strong: true
            color: Theme.ink
        }
    }
}
