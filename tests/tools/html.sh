#!/bin/sh
# SPDX-License-Identifier: MIT
# sfpm-inspect --html: one page that loads nothing, small and soon made, in which names and
# texts of an image are nothing but text. Chromium, if it is there, finds no error in it.
# With SFPM_SCREENSHOT=FILE it also takes a picture of a page.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
needs python3
PATH=$top_builddir/tests/tools/.libs:$top_builddir/tests/tools:$PATH

# well_formed FILE: all elements are known ones, nested, without handlers and addresses,
# and the style sheet is the one that the policy allows.
cat >well_formed.py <<'END'
import base64, hashlib, html.parser, re, sys
VOID = {"meta", "rect", "path", "circle"}
OPTIONAL = {"td", "th", "tr", "dt", "dd"}  # whose end may be left out
KNOWN = VOID | OPTIONAL | set("""html title style header h1 h2 p section dl div table thead tbody
    svg text a figure figcaption b code""".split())
text = open(sys.argv[1], encoding="utf-8", newline="").read()

class Check(html.parser.HTMLParser):
    stack, bad, style = [], [], None
    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        if tag not in KNOWN or any(n.startswith("on") or n in ("style", "src") for n in names):
            self.bad.append((tag, attributes))
        if not re.fullmatch(r"#c\d+", names.get("href", "#c1")):
            self.bad.append((tag, attributes))
        if tag == "style":
            self.style = ""
        if tag not in VOID | OPTIONAL | {"html"}:
            self.stack.append(tag)
    def handle_endtag(self, tag):
        if tag not in VOID | OPTIONAL | {"html"} and (not self.stack or self.stack.pop() != tag):
            self.bad.append("/" + tag)
    def handle_data(self, data):
        if self.stack and self.stack[-1] == "style":
            self.style += data
    def handle_comment(self, data):
        self.bad.append(data)

check = Check()
check.feed(text)
digest = base64.b64encode(hashlib.sha256(check.style.encode()).digest()).decode()
policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
if check.bad or check.stack or policy not in text:
    sys.exit(f"{check.bad[:5]} {check.stack} {policy}")
if re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text):
    sys.exit("control characters")
END
well_formed() {
    python3 well_formed.py "$1"
}

# A program in the middle of calls: its backtrace with lines of source.
cat >nested.s <<'END'
.func main
        push 40
        call inner
        halt
.func inner i64
        push 9
        print
        return
END
sfpm-save -o a.img -d 'calls & <more>' nested.s
expect_status 124 sfpm-run --steps 3 -i -m 'stopped "here"' a.img
succeeds sfpm-inspect --html a.html a.img
expect_stdout ''
expect well_formed a.html
expect grep -q '<td>inner<td>.*<td>nested.s:7<td>' a.html
expect grep -q '<td>main<td>.*<td>nested.s:3<td>' a.html
expect grep -q 'calls &amp; &lt;more&gt;' a.html
expect grep -q 'commit 2, .*: stopped &quot;here&quot;</title>' a.html
succeeds sfpm-inspect --html - a.img
expect_same a.html "$stdout"
# The pages that changed: those of the stack, not of the code.
expect grep -q '<b>code</b> .* 1 changed<' a.html
expect grep -q '<b>stack</b> .* 2 changed<' a.html
# The same from a stream, but that commits cannot be compared.
succeeds sh -c 'sfpm-inspect --html piped.html - <a.img'
expect well_formed piped.html
expect grep -q 'Commits are not compared' piped.html
# The original layout, a delta, and a module that was never saved.
sfpm-convert --to-v1 -o v1.img a.img 2>/dev/null || sfpm-save -o v1.img nested.s
sfpm-patch -q -o b.img a.img 1=41
sfpm-convert --base a.img -o delta.img b.img
for file in v1 delta; do
    succeeds sfpm-inspect --html $file.html $file.img
    expect well_formed $file.html
done

# What cannot be is said, and the image is never written over.
expect_status 2 sfpm-inspect --html x.html a.img b.img
expect_stderr_match "--html takes one IMAGE: 'b.img' is one too many"
cp a.img before.img
expect_status 2 sfpm-inspect --html a.img a.img
expect_same before.img a.img
expect_status 1 sfpm-inspect --html no/where.html a.img
expect_stderr_match 'no/where.html: No such file'
expect_status 1 sfpm-inspect --html none.html missing.img
expect_no_file none.html x.html
# Damage does not hide the rest of the page.
offset=$(LC_ALL=C grep -obUa LEAF a.img | head -n 1 | cut -d: -f1)
printf X | dd of=before.img bs=1 seek=$((offset + 40)) conv=notrunc status=none
expect_status 1 sfpm-inspect --html damaged.html before.img
expect_stderr_match 'before.img: .*damage'
expect well_formed damaged.html

# A thousand commits.
expect game game.img 1000
succeeds sfpm-inspect --html game.html game.img
expect well_formed game.html
expect test "$(wc -c <game.html)" -le 2000000
expect test "$(grep -c '<tr id="c' game.html)" -eq 1000
expect grep -q '<td>monster<td' game.html
succeeds sfpm-inspect --html short.html -n 20 game.img
expect test "$(grep -c '<tr id="c' short.html)" -eq 20
expect well_formed short.html
# Processor time, which does not depend on what else runs; sanitizers take longer.
cat >time.py <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
END
took=$(python3 time.py sfpm-inspect --html game.html game.img)
if ! grep -q __asan_init "$top_builddir/bin/.libs/sfpm-inspect" "$top_builddir/bin/sfpm-inspect" 2>/dev/null; then
    expect test "${took%.*}" -lt 2
fi
echo "html: 1,000 commits: $took s, $(wc -c <game.html) bytes" >&9

# Names and texts that would like to be more than that.
hostile=$(printf '"><script>document.title="owned"</script><img src=x onerror=alert(1)>\047 & </style></title></svg><!-- \033[31m \342\200\256 \377')
expect game hostile.img 5 "$hostile"
cp hostile.img '"><b onclick=alert(1)>.img'
succeeds sfpm-inspect --html hostile.html '"><b onclick=alert(1)>.img'
expect well_formed hostile.html
expect grep -q '&lt;script&gt;' hostile.html
# The check finds what is not escaped.
expect_not grep -q '<script' hostile.html
sed 's/&lt;script&gt;/<script>/' hostile.html >planted.html
expect_not well_formed planted.html
sed 's/.bad{color/.bad{colour/' hostile.html >planted.html
expect_not well_formed planted.html

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "html: no chromium: pages were not opened in a browser" >&9
    exit 0
}
# browse FILE [OPTION...]: what the console says, in `console`.
browse() {
    browsed=$PWD/$1
    shift
    env -u LD_LIBRARY_PATH HOME="$PWD" "$chromium" --headless --no-sandbox --disable-gpu \
        --hide-scrollbars --user-data-dir="$PWD/profile" --enable-logging=stderr "$@" \
        "file://$browsed" >dom 2>said || return
    grep CONSOLE said >console || :
}
printf '<!DOCTYPE html><meta charset="utf-8"><title>a</title><script>console.log("seen")</script>' >seen.html
if ! browse seen.html --dump-dom || ! grep -q seen console; then
    echo "html: chromium does not run here: pages were not opened in a browser" >&9
    exit 0
fi
for page in a hostile game damaged; do
    expect browse $page.html --dump-dom
    expect test ! -s console
    expect test "$(wc -c <dom)" -gt 3000
done
expect browse hostile.html --dump-dom
expect_not grep -q '<title>owned' dom
# A page that breaks its policy is noticed.
sed 's/.bad{color/.bad{colour/' a.html >planted.html
expect browse planted.html --dump-dom
expect grep -q 'Content Security Policy' console
echo "html: 4 pages were opened in Chromium without an error" >&9
if [ -n "${SFPM_SCREENSHOT:-}" ]; then
    expect browse game.html --window-size=1000,1500 --screenshot="$PWD/page.png"
    cp page.png "$SFPM_SCREENSHOT"
fi
