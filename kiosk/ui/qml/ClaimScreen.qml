import QtQuick
import Rollcall.Preview 1.0

// Set-up: the claim code, typed on the screen itself.
Item {
    id: screen

    property var claim
    property var feed
    property var camera
    property bool cancellable: false // a kiosk that works already: people can go back to it
    readonly property bool asking: claim.view.words.length > 0
    signal back
    readonly property bool wide: !Theme.portrait

    // A technician may bring a keyboard.
    focus: visible
    Keys.onPressed: event => {
        event.accepted = true
        if (event.key === Qt.Key_Backspace) claim.erase()
        else if (event.key === Qt.Key_Return || event.key === Qt.Key_Enter) claim.submit()
        else claim.press(event.text)
    }

    readonly property real spacing: 7 * Theme.u

    Column {
        id: story
        anchors.left: parent.left
        anchors.top: parent.top
        width: screen.wide ? 300 * Theme.u : parent.width
        spacing: Theme.gap

        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.claim.view.title
            size: screen.wide ? 34 : Theme.title
            strong: true
        }
        Words {
            width: parent.width
            horizontalAlignment: Theme.alignment
            text: screen.claim.view.body
            size: screen.wide ? Theme.detail : 24
            color: Theme.muted
        }
        Item { width: 1; height: Theme.gap / 2 }
        Item {
            width: parent.width
            height: boxes.height
            visible: !screen.asking
            Row {
                id: boxes
                readonly property real boxWidth: screen.wide ? 31 * Theme.u : 42 * Theme.u
                x: Theme.startX(parent.width, width)
                LayoutMirroring.enabled: false
                LayoutMirroring.childrenInherit: true
                spacing: 5 * Theme.u
                Repeater {
                    model: screen.claim.view.letters
                    delegate: Item {
                        id: slot
                        required property string modelData
                        required property int index
                        width: boxes.boxWidth + (index === 4 ? 7 * Theme.u : 0)
                        height: boxes.boxWidth * (screen.wide ? 1.6 : 1.35)
                        Rectangle {
                            anchors.right: parent.right
                            width: boxes.boxWidth
                            height: parent.height
                            radius: 8 * Theme.u
                            color: Theme.surface
                            border.width: Math.max(1, Math.round((slot.current ? 3 : 1.5) * Theme.u))
                            border.color: slot.current ? Theme.accent : Theme.outline
                            Words {
                                anchors.centerIn: parent
                                text: slot.modelData
                                size: screen.wide ? 22 : 28
                                strong: true
                                wrapMode: Text.NoWrap
                            }
                        }
                        readonly property bool current: index === screen.claim.view.cursor
                    }
                }
            }
        }
        Row {
            id: messageRow
            visible: screen.claim.view.message !== ""
            x: Theme.startX(parent.width, width)
            spacing: 8 * Theme.u
            Icon {
                id: messageIcon
                name: screen.claim.view.message_icon
                size: 24 * Theme.u
                weight: 2.2
                color: message.color
            }
            Words {
                id: message
                objectName: "message"
                width: Math.min(Math.ceil(oneLine.advanceWidth) + 1, story.width - messageIcon.width - parent.spacing)
                maximumHeight: screen.wide ? screen.height - messageRow.y : 130 * Theme.u
                smallest: 11
                text: screen.claim.view.message
                size: Theme.detail
                strong: true
                color: screen.claim.view.failed ? Theme.alarm : Theme.accent
            }
        }
    }

    TextMetrics {
        id: oneLine
        text: message.text
        font.pixelSize: message.largestPx
        font.bold: true
    }

    // What the camera sees, so that a person can aim the QR code at it.
    Item {
        id: finder
        visible: !screen.asking && screen.camera.view.has_picture && height >= Math.max(60 * Theme.u, hint.height)
        anchors.left: parent.left
        anchors.top: story.bottom
        anchors.topMargin: Theme.gap
        width: story.width
        height: Math.min(screen.wide ? 200 * Theme.u : 300 * Theme.u, (screen.wide ? screen.height : pad.y - Theme.margin) - y)

        Row {
            x: Theme.startX(parent.width, width)
            height: parent.height
            spacing: 12 * Theme.u
            CameraPreview {
                id: sight
                objectName: "finder"
                height: parent.height
                width: Math.min(height * 4 / 3, finder.width - hint.width - parent.spacing)
                cornerRadius: 10 * Theme.u
                backdrop: Theme.background
                feed: screen.feed
            }
            Words {
                id: hint
                width: (screen.wide ? 100 : 170) * Theme.u
                anchors.verticalCenter: parent.verticalCenter
                text: screen.claim.view.scan
                size: Theme.small
                color: Theme.muted
            }
        }
    }

    SixWords {
        visible: screen.asking
        anchors.right: parent.right
        y: screen.wide ? 0 : story.height + Theme.margin
        width: screen.wide ? parent.width - story.width - 28 * Theme.u : parent.width
        height: parent.height - y
        view: screen.claim.view
        onAnswered: same => screen.claim.answer(same)
    }

    Item {
        id: pad
        visible: !screen.asking
        readonly property real keyWidth: (width - 7 * screen.spacing) / 8
        readonly property real keyHeight: Math.min(84 * Theme.u, (height - 4 * screen.spacing) / 5)
        anchors.right: parent.right
        y: screen.wide ? 0 : parent.height - height
        width: screen.wide ? parent.width - story.width - 28 * Theme.u : parent.width
        height: screen.wide ? parent.height : Math.min(parent.height - story.height - Theme.margin, 400 * Theme.u)

        Grid {
            id: keys
            LayoutMirroring.enabled: false
            columns: 8
            spacing: screen.spacing
            Repeater {
                model: screen.claim.view.keys
                delegate: Key {
                    required property string modelData
                    objectName: "key" + modelData
                    text: modelData
                    width: pad.keyWidth
                    height: pad.keyHeight
                    enabled: !screen.claim.view.busy
                    onTapped: screen.claim.press(modelData)
                }
            }
        }
        ActionButton {
            id: erase
            objectName: "erase"
            anchors.left: parent.left
            anchors.top: keys.bottom
            anchors.topMargin: screen.spacing
            width: 2 * pad.keyWidth + screen.spacing
            height: pad.keyHeight
            radius: 12 * Theme.u
            icon: "backspace"
            enabled: !screen.claim.view.busy
            onTapped: screen.claim.erase()
        }
        ActionButton {
            objectName: "back"
            visible: screen.cancellable
            anchors.left: erase.right
            anchors.leftMargin: screen.spacing
            anchors.top: keys.bottom
            anchors.topMargin: screen.spacing
            width: 2 * pad.keyWidth + screen.spacing
            height: pad.keyHeight
            radius: 12 * Theme.u
            text: screen.claim.view.back
            onTapped: screen.back()
        }
        ActionButton {
            objectName: "connect"
            anchors.right: parent.right
            anchors.top: keys.bottom
            anchors.topMargin: screen.spacing
            width: (screen.cancellable ? 4 : 6) * pad.keyWidth + (screen.cancellable ? 3 : 5) * screen.spacing
            height: pad.keyHeight
            radius: 12 * Theme.u
            primary: true
            text: screen.claim.view.connect
            enabled: screen.claim.view.complete && !screen.claim.view.busy
            onTapped: screen.claim.submit()
        }
    }
}
