#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/mruby-live: the state of a Ruby interpreter goes on in another process.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/tools/lib.sh"
ruby=$top_builddir/examples/mruby-live
[ -x "$ruby" ] || skip "mruby-live is not built: a static library of mruby is needed"

# says INPUT OUTPUT
says() {
    printf '%s\n' "$1" >typed
    succeeds "$ruby" app.img <typed
    expect_stdout "$2"
}

cat >start.rb <<'END'
class Account
  attr_reader :total
  def initialize; @total = 0; end
  def add(n); @total += n; self; end
end
x = 1
account = Account.new.add(10)
names = { "one" => 1, :two => [2.5, nil, "two"] }
count = lambda { x += 1 }
fiber = Fiber.new { 3.times { |i| Fiber.yield i * i }; :end }
puts count.call, fiber.resume, names.inspect
END
succeeds "$ruby" app.img start.rb
expect_stdout '2
0
{"one"=>1, :two=>[2.5, nil, "two"]}'
says 'puts count.call, fiber.resume, account.add(5).total, names.inspect' '3
1
15
{"one"=>1, :two=>[2.5, nil, "two"]}'
# Standard input is one program, as a script is.
says 'def account.double
  total * 2
end
GC.start
puts account.double, x, fiber.resume
puts [1, 2, 3]
    .map { |n| n * 2 }
    .inspect' '30
3
4
[2, 4, 6]'
says 'puts account.double, fiber.resume.inspect' '30
:end'
says '100.times { |i| names[i] = i.to_s * 100 }; GC.start' ''
says 'puts names.size, names[99].size' '102
200'

# What fails is not saved.
cp app.img before.img
echo 'x = 99; raise "in the script"' >fail.rb
expect_status 1 "$ruby" app.img fail.rb
expect_stderr_match 'in the script'
expect_same before.img app.img
expect_status 1 "$ruby" app.img <fail.rb
expect_same before.img app.img

# On a terminal what is typed is run when it is complete.
if command -v script >/dev/null 2>&1; then
    {
        # What is typed before the terminal is asked may be lost.
        until_true grep -q '^> ' screen
        printf 'def twice(n)\n  n * 2\nend\nputs twice(21)\nraise "typed"\nputs "sp\nlit"\n\004'
    } | script -qfec "'$ruby' app.img" /dev/null >screen 2>&1
    tr -d '\r' <screen >"$stdout"
    expect_stdout_match '^[> ]*42$'
    expect_stdout_match 'typed \(RuntimeError\)'
    expect_stdout_match '^[> ]*lit$'
    says 'puts twice(4)' 8
fi

rm app.img
succeeds "$ruby" app.img start.rb
printf X | dd of=app.img bs=1 seek=20000 conv=notrunc 2>/dev/null
expect_status 1 "$ruby" app.img
expect_stderr_match 'app.img'
expect_status 2 "$ruby"
