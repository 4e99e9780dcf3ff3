import QtQuick

// The one window: the camera (or the answer that takes its place) beside the words of the screen.
Rectangle {
    id: root

    required property var shell
    readonly property string screen: shell.screen
    readonly property bool answered: ["welcome", "elsewhere", "not_recognised", "notice", "loading", "confirm_name", "code_refused"].indexOf(screen) >= 0
    readonly property string service: shell.technician.view.state // closed, pin or open
    readonly property bool settingUp: screen === "claim" || shell.reclaiming
    readonly property bool beside: !settingUp && screen !== "ask_pin" && screen !== "roll_call" // words beside the camera
    readonly property bool watching: screen === "ready" || screen === "looking"
    readonly property bool offering: answered && shell.answer.view.ways.length > 0
    readonly property real stripHeight: Math.round((Theme.portrait ? 60 : 40) * Theme.u)

    color: Theme.background
    LayoutMirroring.enabled: shell.mirrored
    LayoutMirroring.childrenInherit: true

    Binding { target: Theme; property: "dark"; value: root.shell.dark }
    Binding { target: Theme; property: "animated"; value: root.shell.animated }
    Binding { target: Theme; property: "mirrored"; value: root.shell.mirrored }
    Binding { target: Theme; property: "portrait"; value: root.height > root.width }
    Binding {
        target: Theme
        property: "u"
        value: root.height > root.width
            ? Math.min(root.width / 480, root.height / 800)
            : Math.min(root.width / 800, root.height / 480)
    }

    Item {
        id: stage
        visible: root.service === "closed"
        anchors.fill: parent
        anchors.leftMargin: Theme.margin
        anchors.rightMargin: Theme.margin
        anchors.topMargin: Theme.margin
        anchors.bottomMargin: strip.height + 10 * Theme.u

        Header {
            id: header
            visible: root.beside
            anchors.right: parent.right
            anchors.top: parent.top
            width: panel.width
            place: root.shell.place
            roomy: root.screen === "ready"
        }

        Item {
            id: hero
            visible: root.beside
            anchors.left: parent.left
            anchors.top: Theme.portrait ? header.bottom : parent.top
            anchors.topMargin: Theme.portrait ? Theme.gap * 1.5 : 0
            width: Theme.portrait ? parent.width : Math.round(Math.min(parent.height * 0.95, parent.width * 0.49))
            height: Theme.portrait ? Math.round(Math.min(parent.height * (root.offering ? 0.36 : 0.45), width * 1.12)) : parent.height

            CameraPanel {
                anchors.fill: parent
                visible: answer.opacity < 1
                camera: root.shell.camera
                feed: root.shell.feed
                looking: root.screen === "looking" || root.screen === "proving"
                progress: root.screen === "proving" ? root.shell.proving.view.left : root.shell.looking.view.progress
            }
            ResultCard {
                id: answer
                anchors.fill: parent
                visible: opacity > 0
                opacity: root.answered ? 1 : 0
                shown: root.answered
                sign: root.shell.answer.view.icon
                tone: root.shell.answer.view.tone
                Behavior on opacity {
                    enabled: Theme.animated
                    NumberAnimation { duration: Theme.fadeMs }
                }
            }
        }

        Item {
            id: panel
            visible: root.beside
            anchors.right: parent.right
            anchors.bottom: parent.bottom
            anchors.top: Theme.portrait ? hero.bottom : header.bottom
            anchors.topMargin: Theme.portrait ? Theme.margin : 0
            width: Theme.portrait ? parent.width : parent.width - hero.width - 32 * Theme.u

            WaysBar {
                id: ways
                anchors.left: parent.left
                anchors.right: parent.right
                anchors.bottom: parent.bottom
                visible: root.watching && view.exist
                view: root.shell.ways.view
                onPinTapped: root.shell.check_in.open_pin()
                onTeacherTapped: root.shell.check_in.open_roll_call()
            }
            Item {
                anchors.fill: parent
                anchors.bottomMargin: ways.visible ? ways.height + Theme.gap : 0

                ReadyScreen {
                    anchors.fill: parent
                    visible: root.screen === "ready"
                    ready: root.shell.ready
                }
                LookingScreen {
                    anchors.fill: parent
                    visible: root.screen === "looking"
                    looking: root.shell.looking
                }
            }
            ProvingScreen {
                anchors.fill: parent
                visible: root.screen === "proving"
                proving: root.shell.proving
            }
            WelcomeScreen {
                anchors.fill: parent
                visible: root.screen === "welcome"
                welcome: root.shell.welcome
                onNotMe: root.shell.welcome.undo()
                onDirectionTapped: root.shell.welcome.change_direction()
            }
            NoticeScreen {
                anchors.fill: parent
                visible: root.answered && !root.offering && root.screen !== "welcome" && root.screen !== "confirm_name"
                notice: root.shell.answer
            }
            WaysScreen {
                anchors.fill: parent
                visible: root.offering
                notice: root.shell.answer
                onPinTapped: root.shell.check_in.open_pin()
                onTeacherTapped: root.shell.check_in.open_roll_call()
            }
            NameScreen {
                anchors.fill: parent
                visible: root.screen === "confirm_name"
                entry: root.shell.check_in
            }
        }

        PinScreen {
            anchors.fill: parent
            visible: !root.settingUp && root.screen === "ask_pin"
            entry: root.shell.check_in
            feed: root.shell.feed
            camera: root.shell.camera
        }
        RollCallScreen {
            anchors.fill: parent
            visible: !root.settingUp && root.screen === "roll_call"
            roll: root.shell.roll_call
            entry: root.shell.check_in
        }
        ClaimScreen {
            anchors.fill: parent
            visible: root.settingUp
            claim: root.shell.claim
            feed: root.shell.feed
            camera: root.shell.camera
            cancellable: root.shell.reclaiming
            onBack: root.shell.close_claim()
        }
    }

    HealthStrip {
        id: strip
        visible: root.service === "closed"
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.bottom: parent.bottom
        anchors.leftMargin: Theme.margin
        anchors.rightMargin: Theme.margin
        anchors.bottomMargin: 4 * Theme.u
        height: root.stripHeight
        health: root.shell.health
        onTapped: root.shell.open_claim()
    }

    MouseArea { // five seconds on this corner open the technician screen
        objectName: "technicianCorner"
        anchors.left: parent.left
        anchors.top: parent.top
        width: 64 * Theme.u
        height: 64 * Theme.u
        enabled: root.service === "closed"
        pressAndHoldInterval: 5000
        onPressAndHold: root.shell.technician.open()
    }
    Shortcut {
        sequence: "Ctrl+Shift+T"
        onActivated: root.shell.technician.open()
    }
    Rectangle {
        id: service
        anchors.fill: parent
        visible: root.service !== "closed"
        color: Theme.background
        Keys.onPressed: event => { // a technician may bring a keyboard
            event.accepted = true
            if (event.key === Qt.Key_Escape && root.shell.commissioning.view.is_open) root.shell.commissioning.close()
            else if (event.key === Qt.Key_Escape) root.shell.technician.close()
            else if (root.service === "open") typed(event)
            else if (event.key === Qt.Key_Backspace) root.shell.technician.pad.erase()
            else if (root.service === "pin") root.shell.technician.pad.press(event.text)
        }
        onVisibleChanged: if (visible) forceActiveFocus()
        function typed(event) {
            const wifi = root.shell.technician.wifi
            if (event.key === Qt.Key_Backspace) wifi.erase()
            else if (event.key === Qt.Key_Return || event.key === Qt.Key_Enter) wifi.join()
            else wifi.press(event.text)
        }

        MouseArea { // nothing behind it is touched
            anchors.fill: parent
        }
        PinScreen {
            anchors.fill: parent
            anchors.margins: Theme.margin
            visible: root.service === "pin"
            entry: root.shell.technician.pad
            feed: root.shell.feed
            camera: root.shell.camera
        }
        TechnicianScreen {
            anchors.fill: parent
            anchors.margins: Theme.margin
            visible: root.service === "open" && !root.shell.commissioning.view.is_open
            technician: root.shell.technician
            feed: root.shell.feed
            camera: root.shell.camera
            onCommissionTapped: root.shell.commissioning.open()
        }
        CommissioningScreen {
            anchors.fill: parent
            anchors.margins: Theme.margin
            visible: root.service === "open" && commissioning.view.is_open
            commissioning: root.shell.commissioning
            feed: root.shell.feed
            camera: root.shell.camera
        }
    }
}
