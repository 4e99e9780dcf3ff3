import QtQuick

// A large touch target. `remaining` (1..0) draws how long it is still offered.
Rectangle {
    id: button

    property string text: ""
    property string icon: ""
    property bool primary: false
    property real remaining: -1
    signal tapped

    implicitWidth: row.width + 48 * Theme.u
    implicitHeight: 64 * Theme.u
    radius: 20 * Theme.u
    color: primary ? (enabled ? Theme.accent : Theme.outline) : Theme.raised
    border.width: primary ? 0 : Math.max(1, Math.round(2 * Theme.u))
    border.color: Theme.outline
    opacity: area.pressed ? 0.75 : 1

    Row {
        id: row
        anchors.centerIn: parent
        spacing: 12 * Theme.u
        Icon {
            visible: button.icon !== ""
            anchors.verticalCenter: parent.verticalCenter
            name: button.icon
            size: 26 * Theme.u
            weight: 2.2
            color: label.color
        }
        Words {
            id: label
            anchors.verticalCenter: parent.verticalCenter
            text: button.text
            size: Theme.body
            strong: true
            wrapMode: Text.NoWrap
            color: button.primary ? (button.enabled ? Theme.accentInk : Theme.muted) : Theme.ink
        }
    }
    Rectangle {
        visible: button.remaining >= 0
        anchors.left: parent.left
        anchors.bottom: parent.bottom
        anchors.leftMargin: button.radius
        anchors.bottomMargin: 6 * Theme.u
        width: (parent.width - 2 * button.radius) * Math.max(0, button.remaining)
        height: 4 * Theme.u
        radius: height / 2
        color: Theme.accent
    }
    MouseArea {
        id: area
        objectName: "area"
        anchors.fill: parent
        enabled: button.enabled
        onClicked: button.tapped()
    }
}
