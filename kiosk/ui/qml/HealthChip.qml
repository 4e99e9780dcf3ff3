import QtQuick

// One thing on the health strip.
Row {
    id: chip

    property var item
    property real room: -1 // for the words, where they are longer; else they have one line
    property real roomHeight: 0
    readonly property color tint: item.severity === "alarm" ? Theme.alarm
        : item.severity === "warning" ? Theme.late : Theme.muted

    spacing: 7 * Theme.u
    Icon {
        anchors.verticalCenter: parent.verticalCenter
        name: chip.item.icon
        size: 20 * Theme.u
        weight: 2.2
        color: chip.tint
    }
    Words {
        anchors.verticalCenter: parent.verticalCenter
        text: chip.item.words
        width: chip.room < 0 ? implicitWidth : chip.room
        maximumHeight: chip.room < 0 ? -1 : chip.roomHeight
        smallest: 11
        size: Theme.small
        strong: chip.item.severity !== "quiet"
        wrapMode: chip.room < 0 ? Text.NoWrap : Text.Wrap
        color: chip.tint
    }
}
