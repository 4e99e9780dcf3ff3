import QtQuick
import QtQuick.Shapes

// A head as in a mirror: the person's own left is on the left, whatever the script. It makes the
// motion that is asked for, over and over; without animation it shows the motion's end.
Item {
    id: head

    property string motion: ""
    property real size: 120 * Theme.u
    readonly property real made: Theme.animated ? play.made : 1
    readonly property real side: motion === "turn_left" ? -1 : motion === "turn_right" ? 1 : 0
    readonly property real turn: side * made
    readonly property real rise: motion === "look_up" ? made : 0
    readonly property real lid: motion === "blink" ? made : 0
    readonly property real gape: motion === "open_mouth" ? made : 0
    readonly property real stroke: size * 0.034
    readonly property bool quick: motion === "blink"

    width: size * 1.5
    height: size

    // Of 100 units; the middle of the face moves as the head turns and rises.
    readonly property real unit: size / 100
    readonly property real middleX: 75 + 15 * turn
    readonly property real eyesY: 43 - 15 * rise
    readonly property real mouthY: 70 - 16 * rise + 5 * gape

    QtObject {
        id: play
        property real made: 0
    }
    SequentialAnimation {
        running: Theme.animated && head.motion !== ""
        loops: Animation.Infinite
        PauseAnimation { duration: 350 }
        NumberAnimation {
            target: play
            property: "made"
            from: 0
            to: 1
            duration: head.quick ? 140 : 420
            easing.type: Easing.InOutQuad
        }
        PauseAnimation { duration: head.quick ? 160 : 450 }
        NumberAnimation {
            target: play
            property: "made"
            from: 1
            to: 0
            duration: head.quick ? 140 : 350
            easing.type: Easing.InOutQuad
        }
    }

    // Neck and ears are behind the face; the ear of the side it turns to disappears.
    Rectangle {
        x: 61 * head.unit
        y: 78 * head.unit
        width: 28 * head.unit
        height: 22 * head.unit
        color: Theme.tone("accent", true)
        border.color: Theme.accent
        border.width: head.stroke
    }
    Repeater {
        model: [-1, 1]
        Rectangle {
            required property int modelData
            readonly property real shown: 1 - Math.max(0, modelData * head.turn)
            x: (75 + modelData * (36 - 9 * (1 - shown)) - 6 - 4 * head.turn) * head.unit
            y: (46 + 7 * head.rise) * head.unit - height / 2
            width: 12 * head.unit
            height: 20 * head.unit
            radius: width / 2
            color: Theme.tone("accent", true)
            border.color: Theme.accent
            border.width: head.stroke
        }
    }
    Rectangle {
        x: 41 * head.unit
        y: 4 * head.unit
        width: 68 * head.unit
        height: (86 - 4 * head.rise + 4 * head.gape) * head.unit
        radius: width / 2
        color: Theme.tone("accent", true)
        border.color: Theme.accent
        border.width: head.stroke
    }

    // Brows and eyes; shut eyes are arcs.
    Repeater {
        model: [-1, 1]
        Item {
            id: eye
            required property int modelData
            readonly property real near: 1 - 0.42 * Math.max(0, modelData * head.turn)
            readonly property real middle: head.middleX + modelData * 15 * near
            Rectangle {
                x: (eye.middle - 7 * eye.near) * head.unit
                y: (head.eyesY - 13 + 2 * head.lid) * head.unit
                width: 14 * eye.near * head.unit
                height: head.stroke
                radius: height / 2
                color: Theme.accent
            }
            Rectangle {
                visible: head.lid < 0.85
                x: eye.middle * head.unit - width / 2
                y: head.eyesY * head.unit - height / 2
                width: 10 * eye.near * head.unit
                height: Math.max(head.stroke, 10 * (1 - head.lid) * head.unit)
                radius: Math.min(width, height) / 2
                color: Theme.accent
            }
            Shape {
                visible: head.lid >= 0.85
                antialiasing: true
                ShapePath {
                    strokeColor: Theme.accent
                    strokeWidth: head.stroke
                    fillColor: "transparent"
                    capStyle: ShapePath.RoundCap
                    startX: (eye.middle - 7) * head.unit
                    startY: head.eyesY * head.unit
                    PathQuad {
                        x: (eye.middle + 7) * head.unit; y: head.eyesY * head.unit
                        controlX: eye.middle * head.unit; controlY: (head.eyesY + 8) * head.unit
                    }
                }
            }
        }
    }
    // The nose points where the head points.
    Shape {
        antialiasing: true
        ShapePath {
            strokeColor: Theme.accent
            strokeWidth: head.stroke
            fillColor: "transparent"
            capStyle: ShapePath.RoundCap
            joinStyle: ShapePath.RoundJoin
            startX: head.middleX * head.unit
            startY: (head.eyesY + 3) * head.unit
            PathLine {
                x: (head.middleX + 9 * head.turn) * head.unit
                y: (head.eyesY + 16 - 8 * head.rise) * head.unit
            }
            PathLine {
                x: (head.middleX - (head.turn === 0 ? 4 : 0)) * head.unit
                y: (head.eyesY + 17 - 7 * head.rise) * head.unit
            }
        }
    }
    // The mouth: a line, or an opening.
    Rectangle {
        readonly property real wide: (20 - 4 * Math.abs(head.turn)) * head.unit
        x: (head.middleX + 2 * head.turn) * head.unit - width / 2
        y: head.mouthY * head.unit - height * 0.4
        width: wide - 3 * head.gape * head.unit
        height: Math.max(head.stroke, 21 * head.gape * head.unit)
        radius: Math.min(width, height) / 2
        color: Theme.accent
    }
    Icon {
        visible: head.side !== 0 || head.motion === "look_up"
        name: "arrow-right"
        size: head.size * 0.3
        weight: 2.6
        color: Theme.accent
        y: head.size * (head.motion === "look_up" ? 0.2 : 0.33)
        x: head.side < 0 ? 0 : head.size * 1.2
        rotation: head.motion === "look_up" ? -90 : head.side > 0 ? 0 : 180
    }
}
