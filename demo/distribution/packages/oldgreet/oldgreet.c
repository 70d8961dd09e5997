/* Greets the whole house. */
#include <greet.h>
#include <stdio.h>

int main(void)
{
    char text[200];

    greet_loudly(text, sizeof text, "house");
    puts(text);
    return 0;
}
