import QtQuick

// A piece of text in one of the sizes of the type scale. With `fitted` it shrinks into its width.
Text {
    id: words

    property int size: Theme.body
    property bool strong: false
    property bool fitted: false
    readonly property real advance: Math.ceil(implicitWidth) + 1
    readonly property real ascent: /[\u0590-\u0dff]/.test(text) ? Theme.ownAscent : Theme.latinAscent

    color: Theme.ink
    font.pixelSize: Math.round(size * Theme.u)
    font.bold: strong
    wrapMode: fitted ? Text.NoWrap : Text.Wrap
    fontSizeMode: fitted ? Text.HorizontalFit : Text.FixedSize
    minimumPixelSize: Math.round(font.pixelSize * 0.35)
    elide: fitted ? Text.ElideRight : Text.ElideNone
    textFormat: Text.PlainText
    horizontalAlignment: Text.AlignLeft

    // Every script gets the same line: the baseline 1.02 em below its top, whatever the font says.
    lineHeightMode: Text.FixedHeight
    lineHeight: Math.round(font.pixelSize * 1.34)
    topPadding: Math.round(font.pixelSize * (1.02 - ascent))
    bottomPadding: -topPadding
}
