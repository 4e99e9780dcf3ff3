import QtQuick

// A quiet button: its words are small, its target is as large as a fingertip.
Rectangle {
    id: button

    property string text: ""
    signal tapped

    implicitWidth: Math.max(68 * Theme.u, label.advance + 24 * Theme.u)
    implicitHeight: 52 * Theme.u
    radius: 14 * Theme.u
    color: area.pressed ? Theme.accentSoft : Theme.raised
    border.width: Math.max(1, Math.round(1.5 * Theme.u))
    border.color: area.pressed ? Theme.accent : Theme.outline

    Words {
        id: label
        anchors.centerIn: parent
        text: button.text
        size: Theme.detail - 2
        strong: true
        wrapMode: Text.NoWrap
    }
    MouseArea {
        id: area
        objectName: "area"
        anchors.fill: parent
        onClicked: button.tapped()
    }
}
