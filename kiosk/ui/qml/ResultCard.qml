import QtQuick
import QtQuick.Shapes

// The tinted card that takes the camera's place once there is an answer: one large drawn sign.
Rectangle {
    id: card

    property string sign: "check"
    property string tone: "accent"
    property bool shown: false
    readonly property real disc: Math.min(width, height) * 0.56

    radius: Theme.radius
    color: Theme.tone(tone, true)

    Rectangle {
        id: halo
        anchors.centerIn: parent
        width: card.disc * 1.28
        height: width
        radius: width / 2
        color: Theme.tone(card.tone, false)
        opacity: 0.12
    }
    Rectangle {
        id: plate
        anchors.centerIn: parent
        width: card.disc
        height: width
        radius: width / 2
        color: Theme.tone(card.tone, false)
        scale: card.shown || !Theme.animated ? 1 : 0.7
        Behavior on scale {
            enabled: Theme.animated
            NumberAnimation { duration: 320; easing.type: Easing.OutBack }
        }
        Icon {
            anchors.centerIn: parent
            name: card.sign
            size: plate.width * 0.62
            weight: card.sign === "check" ? 2.6 : 1.9
            color: Theme.dark ? Theme.background : "#ffffff"
        }
    }
}
