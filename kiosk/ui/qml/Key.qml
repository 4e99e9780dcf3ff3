import QtQuick

// One key of the on-screen keypad.
Rectangle {
    id: key

    property string text: ""
    property string icon: ""
    property int size: 24
    signal tapped

    radius: 12 * Theme.u
    color: area.pressed ? Theme.accentSoft : Theme.raised
    border.width: Math.max(1, Math.round(1.5 * Theme.u))
    border.color: area.pressed ? Theme.accent : Theme.outline

    Words {
        anchors.centerIn: parent
        text: key.text
        size: key.size
        strong: true
        wrapMode: Text.NoWrap
        color: key.enabled ? Theme.ink : Theme.muted
    }
    Icon {
        visible: key.icon !== ""
        anchors.centerIn: parent
        name: key.icon
        size: 34 * Theme.u
        color: key.enabled ? Theme.ink : Theme.muted
    }
    MouseArea {
        id: area
        objectName: "area"
        anchors.fill: parent
        enabled: key.enabled
        onClicked: key.tapped()
    }
}
