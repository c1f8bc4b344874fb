/* A PKCS#11 module around another one, which says of its tokens' PINs what a test wants it to say:
 * SoftHSM itself never comes to a last try and never locks.
 *
 * FLAGS_MODULE names the module inside, FLAGS_FILE a file with the flags (a number) that are added.
 * C_Login waits as many milliseconds as the file's second number says. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long number;
typedef number (*call)(void);

/* CK_FUNCTION_LIST of PKCS#11 2.40: a version, then 68 functions. */
struct list {
    unsigned char version[2];
    call function[68];
};
enum { GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, LOGIN = 18 };

static struct list own, *inner;

static number wanted(int which) {
    number values[2] = {0, 0};
    FILE *file = fopen(getenv("FLAGS_FILE"), "r");
    if (file) {
        if (fscanf(file, "%lu %lu", &values[0], &values[1]) < 1) values[0] = 0;
        fclose(file);
    }
    return values[which];
}

static number get_token_info(number slot, unsigned char *info) {
    number result = ((number (*)(number, unsigned char *))inner->function[GET_TOKEN_INFO])(slot, info);
    number flags;
    /* label 32, manufacturer 32, model 16, serial 16 */
    memcpy(&flags, info + 96, sizeof flags);
    /* CKF_TOKEN_INITIALIZED: blank tokens keep to themselves. */
    if (flags & 0x400) flags |= wanted(0);
    memcpy(info + 96, &flags, sizeof flags);
    return result;
}

static number login(number session, number user, unsigned char *pin, number length) {
    usleep(1000 * wanted(1));
    return ((number (*)(number, number, unsigned char *, number))inner->function[LOGIN])(session, user, pin, length);
}

number C_GetFunctionList(struct list **list) {
    void *module = dlopen(getenv("FLAGS_MODULE"), RTLD_NOW);
    number (*get)(struct list **) = module ? (number (*)(struct list **))dlsym(module, "C_GetFunctionList") : 0;
    if (!get || get(&inner)) return 5; /* CKR_GENERAL_ERROR */
    own = *inner;
    own.function[GET_FUNCTION_LIST] = (call)C_GetFunctionList;
    own.function[GET_TOKEN_INFO] = (call)get_token_info;
    own.function[LOGIN] = (call)login;
    *list = &own;
    return 0;
}
