import QtQuick
import Rollcall.Preview 1.0

// The PIN pad: dots, never the digits. The camera's picture helps to aim a QR that is shown instead.
Item {
    id: screen

    property var entry
    property var feed
    property var camera
    readonly property var view: entry.view
    readonly property bool wide: !Theme.portrait
    readonly property real spacing: 8 * Theme.u

    Column {
        id: story
        anchors.left: parent.left
        anchors.top: parent.top
        width: screen.wide ? parent.width - pad.width - 32 * Theme.u : parent.width
        spacing: Theme.gap

        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.view.title
            size: screen.wide ? 34 : Theme.title
            strong: true
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.view.body
            size: Theme.detail
            color: Theme.muted
        }
        Row {
            objectName: "dots"
            x: Theme.startX(parent.width, width)
            LayoutMirroring.enabled: false
            LayoutMirroring.childrenInherit: true
            topPadding: 4 * Theme.u
            bottomPadding: 4 * Theme.u
            spacing: 14 * Theme.u
            Repeater {
                model: screen.view.digits
                delegate: Rectangle {
                    required property int index
                    readonly property bool filled: index < screen.view.entered
                    width: 26 * Theme.u
                    height: width
                    radius: width / 2
                    color: filled ? Theme.accent : "transparent"
                    border.width: Math.max(1, Math.round(2.5 * Theme.u))
                    border.color: filled ? Theme.accent : Theme.muted
                }
            }
        }
        Column {
            width: parent.width
            visible: screen.view.message !== "" || screen.view.wait !== ""
            IconLine {
                name: "problem"
                icon: "alert"
                text: screen.view.message
                strong: true
                color: Theme.alarm
            }
            Words {
                objectName: "wait"
                visible: text !== ""
                width: parent.width
                horizontalAlignment: Theme.alignment
                text: screen.view.wait
                size: Theme.detail
                strong: true
            }
        }
        IconLine {
            icon: screen.view.hint_icon
            text: screen.view.hint
        }
    }
    CameraPreview {
        objectName: "finder"
        visible: screen.view.aims && screen.camera.view.has_picture && height >= 64 * Theme.u
        x: Theme.startX(story.width, width) + (screen.wide && Theme.mirrored ? parent.width - story.width : 0)
        y: story.height + Theme.gap
        width: Math.min(story.width, height * 4 / 3)
        height: Math.min(230 * Theme.u, (screen.wide ? screen.height : pad.y - Theme.margin) - y)
        cornerRadius: 14 * Theme.u
        backdrop: Theme.background
        feed: screen.feed
    }

    Item {
        id: pad
        readonly property real keyHeight: screen.wide ? (screen.height - 3 * screen.spacing) / 4 : 74 * Theme.u
        readonly property real keyWidth: (width - 2 * screen.spacing) / 3
        anchors.right: parent.right
        y: parent.height - height
        width: screen.wide ? 352 * Theme.u : parent.width
        height: 4 * keyHeight + 3 * screen.spacing

        Grid {
            columns: 3
            spacing: screen.spacing
            LayoutMirroring.enabled: false
            LayoutMirroring.childrenInherit: true
            Repeater {
                model: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "back", "0", "erase"]
                delegate: Key {
                    required property string modelData
                    readonly property bool isDigit: modelData.length === 1
                    objectName: "pin-" + modelData
                    width: pad.keyWidth
                    height: pad.keyHeight
                    text: isDigit ? modelData : modelData === "back" ? screen.view.back : ""
                    icon: modelData === "erase" ? "backspace" : ""
                    size: isDigit ? 34 : Theme.detail
                    enabled: modelData === "back" || !screen.view.busy && (isDigit || screen.view.entered > 0)
                    onTapped: isDigit ? screen.entry.press(modelData) : modelData === "back" ? screen.entry.close() : screen.entry.erase()
                }
            }
        }
    }
}
