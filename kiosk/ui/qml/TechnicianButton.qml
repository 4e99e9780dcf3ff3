import QtQuick

// A button whose words shrink to fit: several of them share a row. A chosen one has a check mark.
Rectangle {
    id: button

    property string text: ""
    property bool chosen: false
    signal tapped

    height: 52 * Theme.u
    radius: 14 * Theme.u
    color: area.pressed || chosen ? Theme.accentSoft : Theme.raised
    border.width: Math.max(1, Math.round((chosen ? 3 : 1.5) * Theme.u))
    border.color: area.pressed || chosen ? Theme.accent : Theme.outline

    Icon {
        id: mark
        visible: button.chosen
        anchors.left: parent.left
        anchors.leftMargin: 8 * Theme.u
        anchors.verticalCenter: parent.verticalCenter
        name: "check"
        size: 18 * Theme.u
        weight: 3
        color: Theme.accent
    }
    Words {
        anchors.centerIn: parent
        anchors.horizontalCenterOffset: button.chosen ? 10 * Theme.u : 0
        width: parent.width - (button.chosen ? 36 : 16) * Theme.u
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
