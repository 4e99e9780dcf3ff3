import QtQuick

// Six words to compare with those on the kiosk's page, and the question. The words are English in
// every language, so they run from left to right.
Item {
    id: panel

    property var view
    signal answered(bool same)
    readonly property real spacing: 10 * Theme.u

    Grid {
        id: grid
        LayoutMirroring.enabled: false
        LayoutMirroring.childrenInherit: true
        width: parent.width
        columns: 2
        spacing: panel.spacing
        Repeater {
            model: panel.view.words
            delegate: Rectangle {
                id: card
                required property string modelData
                required property int index
                width: (grid.width - panel.spacing) / 2
                height: (Theme.portrait ? 76 : 62) * Theme.u
                radius: 12 * Theme.u
                color: Theme.surface
                border.width: Math.max(1, Math.round(1.5 * Theme.u))
                border.color: Theme.outline
                Words {
                    x: 12 * Theme.u
                    anchors.verticalCenter: parent.verticalCenter
                    text: card.index + 1
                    size: Theme.small
                    color: Theme.muted
                }
                Words {
                    objectName: "word" + card.index
                    anchors.centerIn: parent
                    text: card.modelData
                    size: Theme.body
                    strong: true
                    wrapMode: Text.NoWrap
                }
            }
        }
    }
    Words {
        id: question
        anchors.top: grid.bottom
        anchors.topMargin: Theme.gap
        width: parent.width
        horizontalAlignment: Theme.alignment
        text: panel.view.question
        size: Theme.detail
        strong: true
    }
    Row {
        anchors.top: question.bottom
        anchors.topMargin: Theme.gap
        width: parent.width
        spacing: panel.spacing
        ActionButton {
            objectName: "wordsNo"
            width: (parent.width - panel.spacing) / 2
            text: panel.view.no
            onTapped: panel.answered(false)
        }
        ActionButton {
            objectName: "wordsYes"
            primary: true
            width: (parent.width - panel.spacing) / 2
            text: panel.view.yes
            onTapped: panel.answered(true)
        }
    }
}
