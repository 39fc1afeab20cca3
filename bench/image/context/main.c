#include <stdio.h>
int main(void) { for (unsigned i = 1, n = 0; n < 1000; i++) { unsigned d = 2; while (d * d <= i && i % d) d++; if (d * d > i) { printf("%u\n", i); n++; } } return 0; }
