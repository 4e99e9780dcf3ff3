import QtQuick

// What is wrong with the device: an icon and words for each, the worst first. Where the words are
// too long for the usual lines, they get one line more and become a little smaller. Words that are
// longer than a line break into lines where there is space.
Item {
    id: strip

    property var health
    signal tapped
    readonly property var items: health.view.items
    readonly property real gap: 20 * Theme.u
    readonly property real smaller: 0.8
    readonly property int usualLines: Theme.portrait ? 2 : 1
    readonly property real sign: 27 * Theme.u
    readonly property real lineHeight: Math.round(1.34 * metrics.font.pixelSize) + lines.spacing
    readonly property var rows: packed(width, usualLines)
        || packed(width / smaller, usualLines + 1)
        || [items.slice(0, 2), items.slice(2)]
    readonly property real shrunk: rows.length > usualLines ? smaller : 1

    // Width of an item: icon, space and words.
    function needed(item) {
        return sign + metrics.advanceWidth(item.words)
    }

    // The items in lines that are at most this long; null where they need more lines.
    function packed(length, lineCount) {
        const rows = []
        let room = 0
        for (const item of items) {
            const wide = Math.min(needed(item), length)
            const joins = room >= wide + gap && !(Theme.portrait && rows[rows.length - 1].length === 2)
            if (!joins && rows.length === lineCount) return null
            if (joins) rows[rows.length - 1].push(item)
            else rows.push([item])
            room = joins ? room - gap - wide : length - wide
        }
        return rows
    }

    FontMetrics {
        id: metrics
        font.pixelSize: Math.round(Theme.small * Theme.u)
        font.bold: true
    }

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
        scale: Math.min(strip.shrunk, strip.width / implicitWidth)
        transformOrigin: Theme.portrait ? Item.Center : Theme.mirrored ? Item.Right : Item.Left
        Repeater {
            model: strip.rows
            delegate: Row {
                id: line
                required property var modelData
                x: Theme.startX(parent.width, width)
                spacing: strip.gap
                Repeater {
                    model: line.modelData
                    delegate: HealthChip {
                        required property var modelData
                        item: modelData
                        room: strip.needed(modelData) <= strip.width / strip.shrunk ? -1
                            : strip.width / strip.shrunk - strip.sign
                        roomHeight: strip.height / strip.shrunk - (strip.rows.length - 1) * strip.lineHeight
                    }
                }
            }
        }
    }
}
