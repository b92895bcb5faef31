# SPDX-License-Identifier: MIT
# The transcript of a README, as tests/transcript.sh runs it: the blocks indented by four
# spaces that start with `$ `.
/^    \$ / { block = 1 }
/^ ? ? ?[^ ]/ { block = 0 }
block { sub(/^    /, ""); print }
