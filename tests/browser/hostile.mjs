// What a job, a user or a file may say to take over a page, a terminal or a reader. Each must be shown and obeyed by nobody.
export const texts = [
    `<script>window.__taken=1</script>`,
    `<img src=x onerror="window.__taken=1;fetch('http://elsewhere.invalid/')">`,
    `"><svg/onload=window.__taken=1>`,
    `'-alert(1)-'`,
    `javascript:window.__taken=1`,
    `<iframe srcdoc="<script>parent.__taken=1</script>">`,
    `<a href="javascript:window.__taken=1">click</a>`,
    `</title><script>window.__taken=1</script>`,
    `{{constructor.constructor('window.__taken=1')()}}`,
    `<style>*{background:url(http://elsewhere.invalid/)}</style>`,
    `\u001b]0;title\u0007\u001b[2J\u001b[31mred\u001b[0m\u001b]8;;http://elsewhere.invalid/\u0007link\u001b]8;;\u0007`,
    `access \u202eetadpu\u202c granted \u2066\u2067x\u2069`,
    `zero\u200bwidth\ufeff and \u2028 separators \u0085`,
    `السلام عليكم 123 abc`,
];
export const all = texts.join(" ");
export const megabyte = "<b>" + "A".repeat(1_000_000) + "</b>";
