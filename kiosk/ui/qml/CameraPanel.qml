import QtQuick
import QtQuick.Shapes
import Rollcall.Preview 1.0

// The mirrored camera with its face guide; the guide is the ring that fills while frames agree.
Item {
    id: panel

    property var camera
    property var feed
    property real progress: 0
    property bool looking: false
    readonly property bool breathing: Theme.animated && guide.visible && !looking
    readonly property bool troubled: camera.view.trouble !== ""
    readonly property real guideHeight: Math.min(height * 0.76, width * 1.02)
    readonly property real guideWidth: guideHeight * 0.76
    readonly property real ringWidth: 9 * Theme.u

    onBreathingChanged: guide.opacity = 1

    CameraPreview {
        objectName: "preview"
        anchors.fill: parent
        visible: !panel.troubled
        cornerRadius: Theme.radius
        backdrop: Theme.background
        feed: panel.feed
    }

    Shape {
        id: guide
        anchors.fill: parent
        antialiasing: true
        visible: !panel.troubled && panel.camera.view.has_picture
        ShapePath {
            strokeColor: panel.looking ? "#8c0d1513" : "#c8ffffff"
            strokeWidth: panel.looking ? panel.ringWidth : 3 * Theme.u
            fillColor: "transparent"
            capStyle: ShapePath.RoundCap
            strokeStyle: ShapePath.SolidLine
            PathAngleArc {
                centerX: panel.width / 2; centerY: panel.height / 2
                radiusX: panel.guideWidth / 2; radiusY: panel.guideHeight / 2
                startAngle: -90; sweepAngle: 360
            }
        }
        ShapePath {
            strokeColor: ring.filled > 0 ? "#ffffff" : "transparent"
            strokeWidth: panel.ringWidth * 0.9
            fillColor: "transparent"
            capStyle: ShapePath.RoundCap
            PathAngleArc {
                centerX: panel.width / 2; centerY: panel.height / 2
                radiusX: panel.guideWidth / 2; radiusY: panel.guideHeight / 2
                startAngle: -90; sweepAngle: 0.01 + 359.9 * ring.filled
            }
        }
        ShapePath {
            strokeColor: ring.filled > 0 ? "#12a382" : "transparent"
            strokeWidth: panel.ringWidth * 0.62
            fillColor: "transparent"
            capStyle: ShapePath.RoundCap
            PathAngleArc {
                centerX: panel.width / 2; centerY: panel.height / 2
                radiusX: panel.guideWidth / 2; radiusY: panel.guideHeight / 2
                startAngle: -90; sweepAngle: 0.01 + 359.9 * ring.filled
            }
        }
    }

    // While it waits, the guide breathes: the kiosk is awake. It moves with the camera's frames, so
    // that nothing is drawn more often for it.
    Connections {
        target: panel.feed
        enabled: panel.breathing
        property int step: 0
        function onFrame_ready() {
            step = (step + 1) % 96
            guide.opacity = 0.72 + 0.28 * Math.cos(2 * Math.PI * step / 96)
        }
    }

    QtObject {
        id: ring
        property real filled: panel.looking ? panel.progress : 0
        Behavior on filled {
            enabled: Theme.animated
            NumberAnimation { duration: 260; easing.type: Easing.OutCubic }
        }
    }

    Rectangle {
        anchors.fill: parent
        visible: panel.troubled || !panel.camera.view.has_picture
        radius: Theme.radius
        color: Theme.surface
        border.color: Theme.outline
        border.width: Math.max(1, Math.round(1.5 * Theme.u))

        Column {
            anchors.centerIn: parent
            width: parent.width - 2 * Theme.margin
            spacing: Theme.gap
            Icon {
                anchors.horizontalCenter: parent.horizontalCenter
                name: panel.troubled ? "camera-off" : "camera"
                size: 72 * Theme.u
                weight: 1.5
                color: Theme.muted
            }
            Words {
                width: parent.width
                horizontalAlignment: Text.AlignHCenter
                text: panel.troubled ? panel.camera.view.trouble : panel.camera.view.starting
                size: Theme.body
                strong: panel.troubled
                color: panel.troubled ? Theme.ink : Theme.muted
            }
            Words {
                width: parent.width
                visible: text !== ""
                horizontalAlignment: Text.AlignHCenter
                text: panel.camera.view.remedy
                size: Theme.detail
                color: Theme.muted
            }
        }
    }
}
