/* The cheapest program there is: what remains is the price of starting it. */
int main(void) { return 0; }
