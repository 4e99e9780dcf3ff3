import QtQuick
import Rollcall.Preview 1.0

// The acceptance test, in front of the technician screen: the picture and the list of steps beside
// the current one, what to do, and what was found.
Rectangle {
    id: screen

    property var commissioning
    property var feed
    property var camera
    readonly property var view: commissioning.view
    readonly property bool wide: !Theme.portrait

    color: Theme.background

    MouseArea { // nothing behind it is touched
        anchors.fill: parent
    }

    Words {
        id: title
        anchors.left: parent.left
        anchors.right: parent.right
        text: screen.view.title
        size: Theme.body
        strong: true
        fitted: true
    }

    Item {
        id: side
        anchors.left: parent.left
        y: title.height + Theme.gap
        width: screen.wide ? 296 * Theme.u : parent.width
        height: screen.wide ? buttons.y - Theme.gap - y : 330 * Theme.u

        Item {
            id: picture
            width: (screen.wide ? 197 : 240) * Theme.u
            height: width * 3 / 4
            x: (parent.width - width) / 2

            Rectangle {
                anchors.fill: parent
                radius: 14 * Theme.u
                color: Theme.outline
                Words {
                    anchors.centerIn: parent
                    width: parent.width - 2 * Theme.gap
                    horizontalAlignment: Text.AlignHCenter
                    visible: !finder.visible
                    text: screen.camera.view.trouble || screen.camera.view.starting
                    size: Theme.small
                }
            }
            CameraPreview {
                id: finder
                anchors.fill: parent
                visible: screen.camera.view.has_picture
                cornerRadius: 14 * Theme.u
                backdrop: Theme.background
                feed: screen.feed
            }
        }
        Grid {
            id: list
            anchors.left: parent.left
            anchors.right: parent.right
            anchors.top: picture.bottom
            anchors.topMargin: 8 * Theme.u
            columns: 2
            columnSpacing: 8 * Theme.u
            rowSpacing: 3 * Theme.u
            flow: Grid.TopToBottom
            rows: 5
            Repeater {
                model: screen.view.items
                delegate: Rectangle {
                    id: entry
                    required property var modelData
                    readonly property color tint: modelData.tone === "fail" ? Theme.alarm
                        : modelData.tone === "ok" ? Theme.accent : Theme.muted
                    width: (list.width - 8 * Theme.u) / 2
                    height: 26 * Theme.u
                    radius: 8 * Theme.u
                    color: modelData.is_current ? Theme.accentSoft : "transparent"

                    Item {
                        id: mark
                        anchors.left: parent.left
                        anchors.leftMargin: 4 * Theme.u
                        anchors.verticalCenter: parent.verticalCenter
                        width: 18 * Theme.u
                        height: width
                        Rectangle {
                            anchors.centerIn: parent
                            width: 9 * Theme.u
                            height: width
                            radius: width / 2
                            color: modelData.tone === "" ? "transparent" : entry.tint
                            border.width: Math.max(1, Math.round(1.5 * Theme.u))
                            border.color: entry.tint
                        }
                    }
                    Words {
                        anchors.left: mark.right
                        anchors.right: parent.right
                        anchors.verticalCenter: parent.verticalCenter
                        anchors.leftMargin: 4 * Theme.u
                        text: modelData.name
                        size: 14
                        fitted: true
                        strong: modelData.is_current || modelData.tone === "fail"
                        color: modelData.tone === "fail" ? Theme.alarm : Theme.ink
                    }
                }
            }
        }
    }

    Flickable { // long words are reached by moving them
        id: right
        objectName: "step"
        anchors.right: parent.right
        width: screen.wide ? parent.width - side.width - 20 * Theme.u : parent.width
        y: screen.wide ? side.y : side.y + side.height + Theme.gap
        height: buttons.y - Theme.gap - y
        contentHeight: words.height
        clip: true
        boundsBehavior: Flickable.StopAtBounds

        Column {
            id: words
            width: parent.width
            spacing: 8 * Theme.u
            Words {
                width: parent.width
                text: screen.view.step
                size: Theme.body
                strong: true
            }
            Words {
                width: parent.width
                visible: text !== ""
                text: screen.view.body
                size: Theme.detail
            }
            Words {
                objectName: "state"
                width: parent.width
                visible: text !== ""
                text: screen.view.state
                size: Theme.detail
                strong: true
                color: screen.view.tone === "fail" ? Theme.alarm
                    : screen.view.tone === "ok" ? Theme.accent
                    : screen.view.tone === "warn" ? Theme.late : Theme.muted
            }
            Words {
                objectName: "found"
                width: parent.width
                visible: text !== ""
                text: screen.view.found
                size: Theme.small
            }
            Words {
                width: parent.width
                visible: text !== ""
                text: screen.view.fix
                size: Theme.small
                strong: true
            }
            Words {
                width: parent.width
                visible: text !== ""
                text: screen.view.ask
                size: Theme.detail
                strong: true
            }
            Repeater {
                model: screen.view.reasons
                delegate: TechnicianButton {
                    required property var modelData
                    objectName: "reason-" + modelData.code
                    width: words.width
                    height: 46 * Theme.u
                    text: modelData.label
                    onTapped: screen.commissioning.choose(modelData.code)
                }
            }
        }
    }

    Row {
        id: buttons
        readonly property real each: (parent.width - 2 * spacing) / 3
        anchors.left: parent.left
        anchors.bottom: parent.bottom
        spacing: Theme.gap
        TechnicianButton {
            objectName: "main"
            width: buttons.each
            opacity: text === "" ? 0 : 1
            enabled: text !== ""
            text: screen.view.main
            onTapped: screen.commissioning.press(screen.view.action)
        }
        TechnicianButton {
            objectName: "second"
            width: buttons.each
            opacity: text === "" ? 0 : 1
            enabled: text !== ""
            text: screen.view.second
            onTapped: screen.commissioning.press(screen.view.second_action)
        }
        TechnicianButton {
            objectName: "leave"
            width: buttons.each
            text: screen.view.close
            onTapped: screen.commissioning.close()
        }
    }
}
