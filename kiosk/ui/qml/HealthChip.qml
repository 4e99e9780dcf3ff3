import QtQuick

// One thing on the health strip.
Row {
    id: chip

    property var item
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
        size: Theme.small
        strong: chip.item.severity !== "quiet"
        wrapMode: Text.NoWrap
        color: chip.tint
    }
}
