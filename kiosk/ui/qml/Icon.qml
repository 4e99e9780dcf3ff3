import QtQuick
import QtQuick.Shapes

// A line icon drawn on a 24 x 24 grid; those that point somewhere turn with the script.
Item {
    id: icon

    property string name: ""
    property color color: Theme.ink
    property real size: 24 * Theme.u
    property real weight: 2
    readonly property bool flips: ["arrow", "backspace", "leave", "list", "undo"].indexOf(name) >= 0

    readonly property var paths: ({
        "check": "M5 12.6 L10 17.6 L19.2 7.2",
        "clock": "M12 3 a9 9 0 1 0 0.01 0 z M12 7.2 V12 L15.4 14.2",
        "pin": "M12 21.2 C7.6 16.6 5 13.3 5 10.1 a7 7 0 0 1 14 0 C19 13.3 16.4 16.6 12 21.2 z M12 7.5 a2.6 2.6 0 1 0 0.01 0 z",
        "person": "M12 3.6 a4.2 4.2 0 1 0 0.01 0 z M4 20.6 c0 -4.4 3.6 -6.8 8 -6.8 s8 2.4 8 6.8",
        "people": "M9 4.4 a3.6 3.6 0 1 0 0.01 0 z M2.4 19.6 c0 -3.9 2.9 -6 6.6 -6 s6.6 2.1 6.6 6 M15.4 4.7 a3.6 3.6 0 0 1 0 6.7 M17.6 14 c2.4 0.7 4 2.6 4 5.6",
        "ask": "M4 5 h16 v11.4 h-8.4 L7 20.4 v-4 H4 z M9.9 8.9 a2.15 2.15 0 1 1 3.1 1.9 c-0.7 0.4 -1 0.8 -1 1.5 M12 14.1 v0.01",
        "camera": "M3.6 8 h3.6 l1.7 -2.6 h6.2 L16.8 8 h3.6 v11 H3.6 z M12 10 a3.4 3.4 0 1 0 0.01 0 z",
        "camera-off": "M3.6 8 h3.6 l1.7 -2.6 h6.2 L16.8 8 h3.6 v11 H3.6 z M12 10 a3.4 3.4 0 1 0 0.01 0 z M4 3 L20.4 21.6",
        "offline": "M2.8 9.2 a13.2 13.2 0 0 1 18.4 0 M6 12.8 a8.6 8.6 0 0 1 12 0 M9.2 16.2 a4.1 4.1 0 0 1 5.6 0 M12 19.6 v0.01 M4.4 3.4 L19.6 21.4",
        "online": "M2.8 9.2 a13.2 13.2 0 0 1 18.4 0 M6 12.8 a8.6 8.6 0 0 1 12 0 M9.2 16.2 a4.1 4.1 0 0 1 5.6 0 M12 19.6 v0.01",
        "waiting": "M4 14.6 V20 h16 v-5.4 M12 15.4 V4 M7.6 8.2 L12 3.8 L16.4 8.2",
        "hourglass": "M6 3.4 h12 M6 20.6 h12 M7.4 3.4 v3.4 c0 2.6 4.6 3.4 4.6 5.2 s-4.6 2.6 -4.6 5.2 v3.4 M16.6 3.4 v3.4 c0 2.6 -4.6 3.4 -4.6 5.2 s4.6 2.6 4.6 5.2 v3.4",
        "disk": "M12 3.4 c4.6 0 7.6 1.2 7.6 2.8 s-3 2.8 -7.6 2.8 s-7.6 -1.2 -7.6 -2.8 s3 -2.8 7.6 -2.8 z M4.4 6.2 V17.8 c0 1.6 3 2.8 7.6 2.8 s7.6 -1.2 7.6 -2.8 V6.2 M4.4 12 c0 1.6 3 2.8 7.6 2.8 s7.6 -1.2 7.6 -2.8",
        "closer": "M3.6 9 V3.6 H9 M15 3.6 h5.4 V9 M20.4 15 v5.4 H15 M9 20.4 H3.6 V15 M12 7.4 a4.6 4.6 0 1 0 0.01 0 z",
        "back": "M9 3.6 V9 H3.6 M20.4 9 H15 V3.6 M15 20.4 V15 h5.4 M3.6 15 H9 v5.4",
        "eye": "M2.4 12 C4.8 7.6 8.2 5.4 12 5.4 s7.2 2.2 9.6 6.6 C19.2 16.4 15.8 18.6 12 18.6 S4.8 16.4 2.4 12 z M12 9 a3 3 0 1 0 0.01 0 z",
        "light": "M12 7.4 a4.6 4.6 0 1 0 0.01 0 z M12 2.2 v1.6 M12 20.2 v1.6 M2.2 12 h1.6 M20.2 12 h1.6 M5.1 5.1 l1.1 1.1 M17.8 17.8 l1.1 1.1 M5.1 18.9 l1.1 -1.1 M17.8 6.2 l1.1 -1.1",
        "still": "M12 3 a9 9 0 1 0 0.01 0 z M9 10 v0.01 M15 10 v0.01 M8.4 14.6 c1.9 2.1 5.3 2.1 7.2 0",
        "undo": "M8.4 5 L4 9.4 L8.4 13.8 M4.4 9.4 H14 a5.4 5.4 0 0 1 0 10.8 h-3.4",
        "backspace": "M8.6 5.4 H20.6 V18.6 H8.6 L2.8 12 z M12 9.4 l5.2 5.2 M17.2 9.4 l-5.2 5.2",
        "door": "M5.6 21 V3.6 h12.8 V21 M3.2 21 h17.6 M14.4 12 v0.01",
        "leave": "M13.6 20.4 H5 V3.6 h8.6 M10 12 H20.6 M16.4 7.8 L20.6 12 L16.4 16.2",
        "none": "M4 5.6 h16 V20.4 H4 z M4 10 h16 M8.4 3.2 v4.6 M15.6 3.2 v4.6",
        "list": "M9 6 h11 M9 12 h11 M9 18 h11 M4.4 6 v0.01 M4.4 12 v0.01 M4.4 18 v0.01",
        "alert": "M12 3.8 L21.4 20 H2.6 z M12 10 v4.6 M12 17.2 v0.01",
        "qr": "M4 4 h6.4 v6.4 H4 z M13.6 4 H20 v6.4 h-6.4 z M4 13.6 h6.4 V20 H4 z M13.6 13.6 v2.6 M20 13.6 v0.01 M17 17 h3 v3 M13.6 20 v0.01 M7.2 7.2 v0.01 M16.8 7.2 v0.01 M7.2 16.8 v0.01",
        "card": "M3 5.4 h18 V18.6 H3 z M3 9.6 h18 M6.6 14.6 h4.4",
        "keypad": "M5.6 4.6 v0.01 M12 4.6 v0.01 M18.4 4.6 v0.01 M5.6 10 v0.01 M12 10 v0.01 M18.4 10 v0.01 M5.6 15.4 v0.01 M12 15.4 v0.01 M18.4 15.4 v0.01 M12 20.8 v0.01",
        "ring": "M12 3.6 a8.4 8.4 0 1 0 0.01 0 z",
        "arrow-right": "M4 12 H20 M13.4 5.4 L20 12 L13.4 18.6",
        "arrow": "M4 12 H20 M13.4 5.4 L20 12 L13.4 18.6"
    })

    implicitWidth: size
    implicitHeight: size

    Shape {
        width: 24
        height: 24
        antialiasing: true
        transform: [
            Scale {
                xScale: (icon.flips && Theme.mirrored ? -1 : 1) * icon.size / 24
                yScale: icon.size / 24
            },
            Translate { x: icon.flips && Theme.mirrored ? icon.size : 0 }
        ]
        ShapePath {
            strokeColor: icon.color
            strokeWidth: icon.weight
            fillColor: "transparent"
            capStyle: ShapePath.RoundCap
            joinStyle: ShapePath.RoundJoin
            PathSvg { path: icon.paths[icon.name] || "M0 0" }
        }
    }
}
