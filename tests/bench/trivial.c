/* SPDX-License-Identifier: MIT */
/* What the start of a tool is compared with: a dynamic program that does nothing. */
int main(void)
{
    return 0;
}
