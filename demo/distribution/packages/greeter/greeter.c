/* Greets everyone whose name it is given. */
#include <greet.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char text[200];

    for (int i = 1; i < argc; i++) {
        greet(text, sizeof text, argv[i]);
        puts(text);
    }
    return 0;
}
