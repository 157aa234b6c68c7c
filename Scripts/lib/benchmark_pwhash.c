/* libsodium's Argon2id13 at its moderate level, bare: `bursar unlock` is measured against it. For each line
 * on standard input one derivation; prints how many nanoseconds it took. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void) {
    static const char passphrase[] = "correct horse battery staple";
    unsigned char salt[crypto_pwhash_SALTBYTES], key[64];
    int letter;

    if (sodium_init() < 0) return 1;
    randombytes_buf(salt, sizeof salt);
    while ((letter = getchar()) != EOF) {
        if (letter != '\n') continue;
        long long start = now();
        if (crypto_pwhash(key, sizeof key, passphrase, strlen(passphrase), salt,
                          crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_MODERATE,
                          crypto_pwhash_ALG_ARGON2ID13) != 0) {
            fprintf(stderr, "benchmark_pwhash: error: out of memory\n");
            return 1;
        }
        printf("%lld\n", now() - start);
        fflush(stdout);
    }
    return 0;
}
