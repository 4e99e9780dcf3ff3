import QtQuick

// What is wrong with the device, in a line: an icon and words for each.
Item {
    id: strip

    property var health
    signal tapped
    readonly property var items: health.view.items

    MouseArea {
        anchors.fill: parent
        enabled: strip.health.view.claimable
        onClicked: strip.tapped()
    }

    Column {
        id: lines
        anchors.verticalCenter: parent.verticalCenter
        width: parent.width
        spacing: 4 * Theme.u
        Repeater {
            model: Theme.portrait ? [strip.items.slice(0, 2), strip.items.slice(2)] : [strip.items]
            delegate: Row {
                id: line
                required property var modelData
                x: Theme.startX(parent.width, width)
                scale: Math.min(1, strip.width / lines.implicitWidth) // one size for all lines
                transformOrigin: Theme.portrait ? Item.Center : Theme.mirrored ? Item.Right : Item.Left
                spacing: 20 * Theme.u
                Repeater {
                    model: line.modelData
                    delegate: HealthChip {
                        required property var modelData
                        item: modelData
                    }
                }
            }
        }
    }
}
