import QtQuick

// A button whose words shrink to fit: several of them share a row.
Rectangle {
    id: button

    property string text: ""
    signal tapped

    height: 52 * Theme.u
    radius: 14 * Theme.u
    color: area.pressed ? Theme.accentSoft : Theme.raised
    border.width: Math.max(1, Math.round(1.5 * Theme.u))
    border.color: area.pressed ? Theme.accent : Theme.outline

    Words {
        anchors.centerIn: parent
        width: parent.width - 16 * Theme.u
        horizontalAlignment: Text.AlignHCenter
        text: button.text
        size: 18
        strong: true
        fitted: true
        color: button.enabled ? Theme.ink : Theme.muted
    }
    MouseArea {
        id: area
        objectName: "area"
        anchors.fill: parent
        enabled: button.enabled
        onClicked: button.tapped()
    }
}
