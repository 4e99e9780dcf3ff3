import QtQuick

// A head as in a mirror: the person's own left is on the left, whatever the script.
Item {
    id: head

    property string motion: ""
    property real size: 120 * Theme.u
    readonly property real side: motion === "turn_left" ? -1 : motion === "turn_right" ? 1 : 0
    readonly property real turn: side * (Theme.animated ? play.turned : 1)
    readonly property real lid: motion === "blink" ? (Theme.animated ? play.turned : 1) : 0
    readonly property real stroke: size * 0.035

    width: size * 1.5
    height: size

    QtObject {
        id: play
        property real turned: 0
    }
    SequentialAnimation {
        running: Theme.animated && head.motion !== ""
        loops: Animation.Infinite
        PauseAnimation { duration: 350 }
        NumberAnimation {
            target: play
            property: "turned"
            from: 0
            to: 1
            duration: head.motion === "blink" ? 140 : 450
            easing.type: Easing.InOutQuad
        }
        PauseAnimation { duration: head.motion === "blink" ? 120 : 350 }
        NumberAnimation {
            target: play
            property: "turned"
            from: 1
            to: 0
            duration: head.motion === "blink" ? 140 : 350
            easing.type: Easing.InOutQuad
        }
    }

    Rectangle {
        x: head.size * 0.42
        width: head.size * 0.66
        height: head.size * 0.86
        y: head.size * 0.07
        radius: width / 2
        color: Theme.tone("accent", true)
        border.color: Theme.accent
        border.width: head.stroke
    }
    Item {
        x: head.size * (0.25 + head.turn * 0.1)
        width: head.size
        height: head.size
        Repeater {
            model: [-1, 1]
            Rectangle {
                required property int modelData
                readonly property real depth: 1 - 0.25 * Math.abs(head.turn)
                x: head.size * (0.5 + modelData * 0.145 * depth) - width / 2
                y: head.size * 0.42 - height / 2
                width: head.size * 0.1 * depth
                height: Math.max(head.stroke, head.size * 0.1 * (1 - head.lid))
                radius: height / 2
                color: Theme.accent
            }
        }
        Rectangle {
            x: head.size * (0.5 + 0.06 * head.turn) - width / 2
            y: head.size * 0.48
            width: head.stroke
            height: head.size * 0.13
            radius: width / 2
            color: Theme.accent
        }
        Rectangle {
            x: head.size * 0.5 - width / 2
            y: head.size * 0.7
            width: head.size * 0.2 * (1 - 0.2 * Math.abs(head.turn))
            height: head.stroke
            radius: height / 2
            color: Theme.accent
        }
    }
    Icon {
        visible: head.side !== 0
        name: "arrow-right"
        size: head.size * 0.28
        color: Theme.accent
        y: head.size * 0.36
        x: head.side > 0 ? head.size * 1.22 : 0
        rotation: head.side > 0 ? 0 : 180
    }
}
