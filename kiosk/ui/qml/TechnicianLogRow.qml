import QtQuick

// One log line: when and where, how bad in words, and what. The words of the kiosk's log are English.
Rectangle {
    id: row

    property var item
    readonly property bool bad: item.tone === "error" || item.tone === "warning"

    height: column.height + 12 * Theme.u
    radius: 10 * Theme.u
    color: item.tone === "error" ? Theme.alarmSoft : item.tone === "warning" ? Theme.lateSoft : Theme.surface
    border.width: bad ? 0 : 1
    border.color: Theme.outline

    Column {
        id: column
        LayoutMirroring.enabled: false
        LayoutMirroring.childrenInherit: true
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.leftMargin: 10 * Theme.u
        anchors.rightMargin: 10 * Theme.u
        anchors.verticalCenter: parent.verticalCenter

        Item {
            width: parent.width
            height: Math.max(head.height, level.height)
            Words {
                id: head
                anchors.left: parent.left
                anchors.right: level.left
                anchors.rightMargin: 8 * Theme.u
                text: row.item.head
                size: 14
                color: row.bad ? Theme.ink : Theme.muted
            }
            Words {
                id: level
                anchors.right: parent.right
                text: row.item.level
                size: 14
                strong: row.bad
                wrapMode: Text.NoWrap
                color: row.item.tone === "error" ? Theme.alarm : row.item.tone === "warning" ? Theme.late : Theme.muted
            }
        }
        Words {
            width: parent.width
            text: row.item.words
            size: 14
            strong: row.bad
        }
    }
}
