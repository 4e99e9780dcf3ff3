import QtQuick
import Rollcall.Preview 1.0

// For technicians, in front of everything: the camera with the face's box, figures, and the list of
// checks. Its rows hold no drawn signs, because those are not cut off at the list's edge.
Rectangle {
    id: screen

    property var technician
    property var feed
    property var camera
    readonly property var view: technician.view
    readonly property var sight: technician.sight.view
    readonly property var items: technician.findings.view.items
    readonly property bool wide: !Theme.portrait
    signal commissionTapped
    readonly property bool showsWifi: technician.wifi.view.page !== ""
    readonly property bool showsLogs: technician.logs.view.is_open
    readonly property bool showsTurning: technician.camera.view.is_open
    readonly property bool covered: showsWifi || showsLogs || showsTurning

    color: Theme.background

    Item {
        id: top
        visible: !screen.covered
        anchors.left: parent.left
        anchors.right: parent.right
        height: screen.wide ? title.height : title.height + paused.height

        Words {
            id: title
            anchors.left: parent.left
            wrapMode: Text.NoWrap
            text: screen.view.title
            size: Theme.body
            strong: true
        }
        Words {
            id: paused
            objectName: "paused"
            anchors.right: parent.right
            y: screen.wide ? 10 * Theme.u : title.height
            width: screen.wide ? parent.width - title.width - Theme.margin : parent.width
            horizontalAlignment: screen.wide ? Text.AlignRight : Text.AlignLeft
            text: screen.view.paused
            size: Theme.small
            strong: true
            color: Theme.late
        }
    }

    Item {
        id: left
        visible: !screen.covered
        anchors.left: parent.left
        y: top.height + Theme.gap
        width: screen.wide ? 296 * Theme.u : parent.width
        height: screen.wide ? buttons.y - Theme.gap - y : 272 * Theme.u

        Item {
            id: picture
            readonly property real most: (screen.wide ? 116 : 190) * Theme.u
            readonly property real mostWidth: (screen.wide ? 296 : 240) * Theme.u
            anchors.left: parent.left
            height: Math.min(most, mostWidth / screen.feed.aspect)
            width: height * screen.feed.aspect

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
                objectName: "picture"
                anchors.fill: parent
                visible: screen.camera.view.has_picture
                cornerRadius: 14 * Theme.u
                backdrop: Theme.background
                feed: screen.feed
            }
            Rectangle {
                objectName: "box"
                visible: finder.visible && screen.sight.width > 0
                LayoutMirroring.enabled: false
                x: screen.sight.left * parent.width
                y: screen.sight.top * parent.height
                width: screen.sight.width * parent.width
                height: screen.sight.height * parent.height
                radius: 6 * Theme.u
                color: "transparent"
                border.width: Math.round(3 * Theme.u)
                border.color: screen.sight.is_good ? "#4fd6b0" : "#f5bd6a"
            }
        }
        Flickable { // long words are reached by moving them
            anchors.right: parent.right
            y: screen.wide ? picture.height + 6 * Theme.u : 0
            width: screen.wide ? parent.width : parent.width - picture.width - Theme.gap
            height: parent.height - y
            contentHeight: words.height
            clip: true
            boundsBehavior: Flickable.StopAtBounds

            Column {
                id: words
                width: parent.width
                Words {
                    objectName: "face"
                    width: parent.width
                    text: screen.sight.hint === "" ? screen.sight.face : screen.sight.face + " · " + screen.sight.hint
                    size: Theme.small
                    strong: true
                }
                Words {
                    objectName: "times"
                    width: parent.width
                    visible: text !== ""
                    text: screen.sight.times.join(" · ")
                    size: 14
                    color: Theme.muted
                }
                Item { width: 1; height: 4 * Theme.u }
                Flow { // short figures share a line
                    width: parent.width
                    spacing: 0
                    Repeater {
                        model: screen.view.facts
                        delegate: Words {
                            required property var modelData
                            width: Math.min(words.width, advance + 14 * Theme.u)
                            text: modelData.label + ": " + modelData.value
                            size: 14
                        }
                    }
                }
            }
        }
    }

    Item {
        id: right
        visible: !screen.covered
        anchors.right: parent.right
        width: screen.wide ? parent.width - left.width - 20 * Theme.u : parent.width
        y: screen.wide ? left.y : left.y + left.height + Theme.gap
        height: buttons.y - Theme.gap - y

        Words {
            id: summary
            objectName: "summary"
            width: parent.width
            text: screen.technician.findings.view.summary
            size: Theme.small
            strong: true
        }
        ListView {
            id: list
            objectName: "findings"
            anchors.left: parent.left
            anchors.right: bar.left
            anchors.rightMargin: 8 * Theme.u
            anchors.top: summary.bottom
            anchors.topMargin: 4 * Theme.u
            anchors.bottom: parent.bottom
            clip: true
            spacing: 6 * Theme.u
            boundsBehavior: Flickable.StopAtBounds
            model: screen.items
            delegate: TechnicianRow {
                required property var modelData
                width: list.width
                item: modelData
            }
        }
        ScrollMark {
            id: bar
            anchors.right: parent.right
            anchors.top: list.top
            anchors.bottom: parent.bottom
            list: list
        }
    }

    Flow { // two rows, or three where the screen is narrow
        id: buttons
        visible: !screen.covered
        readonly property int columns: screen.wide ? 4 : 3
        readonly property real tall: (screen.wide ? 48 : 52) * Theme.u
        readonly property real each: Math.floor((width - (columns - 1) * spacing) / columns)
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.bottom: parent.bottom
        spacing: screen.wide ? 8 * Theme.u : Theme.gap
        TechnicianButton {
            objectName: "sync"
            width: buttons.each
            height: buttons.tall
            text: screen.view.sync
            enabled: screen.view.can_sync
            onTapped: screen.technician.sync()
        }
        TechnicianButton {
            objectName: "again"
            width: buttons.each
            height: buttons.tall
            text: screen.view.check
            enabled: screen.view.can_check
            onTapped: screen.technician.check()
        }
        TechnicianButton {
            objectName: "commission"
            width: buttons.each
            height: buttons.tall
            text: screen.view.commission
            onTapped: screen.commissionTapped()
        }
        TechnicianButton {
            objectName: "wifi"
            width: buttons.each
            height: buttons.tall
            text: screen.view.wifi
            onTapped: screen.technician.wifi.open()
        }
        TechnicianButton {
            objectName: "turn"
            width: buttons.each
            height: buttons.tall
            text: screen.view.camera
            onTapped: screen.technician.camera.open()
        }
        TechnicianButton {
            objectName: "logs"
            width: buttons.each
            height: buttons.tall
            text: screen.view.logs
            onTapped: screen.technician.logs.open()
        }
        TechnicianButton {
            objectName: "claimAgain"
            width: buttons.each
            height: buttons.tall
            text: screen.view.claim
            enabled: screen.view.can_claim
            onTapped: screen.technician.claim()
        }
        TechnicianButton {
            objectName: "close"
            width: screen.wide ? buttons.each : 2 * buttons.each + buttons.spacing
            height: buttons.tall
            text: screen.view.close
            onTapped: screen.technician.close()
        }
    }

    TechnicianWifi { // in place of all of it
        anchors.fill: parent
        visible: screen.showsWifi
        wifi: screen.technician.wifi
    }
    TechnicianLogs {
        anchors.fill: parent
        visible: screen.showsLogs
        logs: screen.technician.logs
    }
    TechnicianCamera {
        anchors.fill: parent
        visible: screen.showsTurning
        turning: screen.technician.camera
        feed: screen.feed
        camera: screen.camera
    }

    Item { // in front, so that it sees every touch; it keeps none for itself
        anchors.fill: parent
        PointHandler {
            onActiveChanged: if (active) screen.technician.touch()
        }
    }
}
