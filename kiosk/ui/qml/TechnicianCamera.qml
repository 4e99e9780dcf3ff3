import QtQuick
import Rollcall.Preview 1.0

// Turns and mirrors the camera's picture; each tap is seen in the picture at once.
Rectangle {
    id: screen

    property var turning
    property var feed
    property var camera
    readonly property var view: turning.view
    readonly property bool wide: !Theme.portrait

    color: Theme.background

    Words {
        id: title
        objectName: "turnTitle"
        anchors.left: parent.left
        anchors.right: parent.right
        text: screen.view.title
        size: Theme.body
        strong: true
    }

    Item {
        id: frame
        anchors.left: parent.left
        anchors.top: title.bottom
        anchors.topMargin: 8 * Theme.u
        width: screen.wide ? (parent.width - Theme.gap) * 0.5 : parent.width
        height: screen.wide ? back.y - Theme.gap - y : (parent.height - title.height) * 0.5

        Rectangle {
            id: picture
            anchors.top: parent.top
            anchors.horizontalCenter: parent.horizontalCenter
            height: Math.min(parent.height, parent.width / screen.feed.aspect)
            width: height * screen.feed.aspect
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
            CameraPreview {
                id: finder
                objectName: "turnPicture"
                anchors.fill: parent
                visible: screen.camera.view.has_picture
                cornerRadius: 14 * Theme.u
                backdrop: Theme.background
                feed: screen.feed
            }
        }
    }

    Flickable { // words grow with the language
        anchors.right: parent.right
        y: screen.wide ? frame.y : frame.y + picture.height + Theme.gap
        width: choices.width
        height: choices.y - 8 * Theme.u - y
        contentHeight: words.height
        clip: true
        boundsBehavior: Flickable.StopAtBounds

        Column {
            id: words
            width: parent.width
            spacing: 4 * Theme.u
            Words {
                objectName: "turnHow"
                width: parent.width
                text: screen.view.how
                size: Theme.small
            }
            Words {
                objectName: "turnAdvice"
                width: parent.width
                visible: text !== ""
                text: screen.view.advice
                size: Theme.small
                strong: true
                color: Theme.late
            }
            Words {
                objectName: "turnMessage"
                width: parent.width
                text: screen.view.message
                size: Theme.small
                strong: true
                color: screen.view.is_bad ? Theme.alarm : Theme.muted
            }
        }
    }

    Column {
        id: choices
        anchors.right: parent.right
        anchors.bottom: back.top
        anchors.bottomMargin: 8 * Theme.u
        width: screen.wide ? back.width : parent.width
        spacing: 8 * Theme.u

        Row { // angles go up from left to right in every script
            id: angles
            LayoutMirroring.enabled: false
            width: parent.width
            spacing: 8 * Theme.u
            Repeater {
                model: [0, 90, 180, 270] // the buttons stay while what they say changes
                delegate: TechnicianButton {
                    required property int modelData
                    required property int index
                    readonly property var item: screen.view.items[index]
                    objectName: "turn-" + modelData
                    width: (angles.width - 3 * angles.spacing) / 4
                    text: item ? item.label : ""
                    chosen: item ? item.is_chosen : false
                    onTapped: screen.turning.turn(modelData)
                }
            }
        }
        TechnicianButton {
            objectName: "turnSwap"
            width: parent.width
            text: screen.view.swap
            chosen: screen.view.is_swapped
            onTapped: screen.turning.swap()
        }
    }

    TechnicianButton {
        id: back
        objectName: "turnBack"
        anchors.left: parent.left
        anchors.bottom: parent.bottom
        width: (parent.width - Theme.gap) / 2
        text: screen.view.back
        onTapped: screen.turning.leave()
    }
    TechnicianButton {
        objectName: "turnReset"
        anchors.right: parent.right
        anchors.bottom: parent.bottom
        width: back.width
        text: screen.view.reset
        enabled: screen.view.can_reset
        onTapped: screen.turning.reset()
    }
}
