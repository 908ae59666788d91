/* SPDX-License-Identifier: MIT */
/*
 * arch_x86_64.h - raw system calls, the fs base, pause and cycle counter, the
 * layout fcontext leaves on a parked stack, and the bytes of an entry redirect.
 *
 * Called from: everywhere in the runtime; the inline functions keep no state
 * but gs_arch_has_fsgsbase, written once before a second thread exists.
 */
#ifndef GS_ARCH_X86_64_H
#define GS_ARCH_X86_64_H

#include <asm/unistd.h>

/* A kernel system call; the result is the kernel's own, -errno on failure. */
static inline long gs_arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ __volatile__("syscall"
			     : "=a"(ret)
			     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			     : "rcx", "r11", "memory");
	return ret;
}

static inline void gs_arch_pause(void)
{
	__asm__ __volatile__("pause");
}

/* clone(2) of a thread: with the thread pointer tp, on the stack below top, it calls
   entry(arg), which does not return. The kernel writes its number to *tid, and 0 when it
   has ended. Returns the number, or -errno. */
static inline long gs_arch_clone(unsigned long flags, void *top, void *tid, void *tp,
				 void (*entry)(void *), void *arg)
{
	void **sp = top;
	long ret;
	register void *r10 __asm__("r10") = tid;
	register void *r8 __asm__("r8") = tp;

	*--sp = (void *)entry;
	*--sp = arg;
	__asm__ __volatile__("syscall\n\t"
			     "test %0, %0\n\t"
			     "jnz 1f\n\t"
			     "xor %%ebp, %%ebp\n\t"
			     "pop %%rdi\n\t"
			     "pop %%rax\n\t"
			     "call *%%rax\n\t"
			     "ud2\n"
			     "1:"
			     : "=a"(ret)
			     : "a"((long)__NR_clone), "D"(flags), "S"(sp), "d"(tid), "r"(r10), "r"(r8)
			     : "rcx", "r11", "memory", "cc");
	return ret;
}

/* A counter that runs at a constant rate; a hint for "a while has passed", never a clock. */
static inline uint64_t gs_arch_cycles(void)
{
	return __builtin_ia32_rdtsc();
}

/* True when user code may execute wrfsbase; set by gs_context_init. */
extern bool gs_arch_has_fsgsbase;

#define GS_ARCH_SET_FS 0x1002
#define GS_ARCH_HWCAP2_FSGSBASE (1UL << 1)

/* The thread pointer: glibc keeps the TCB's own address in its first word. */
static inline void *gs_arch_thread_pointer(void)
{
	void *tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
}

/* Makes tp this kernel thread's thread pointer. The caller touches no
   thread-local variable between this and the stack switch that follows. */
static inline void gs_arch_set_thread_pointer(void *tp)
{
	if (GS_LIKELY(gs_arch_has_fsgsbase))
		__asm__ __volatile__("wrfsbase %0" ::"r"(tp) : "memory");
	else
		gs_arch_syscall(__NR_arch_prctl, GS_ARCH_SET_FS, (long)tp, 0, 0, 0, 0);
}

/* The rights to memory with protection keys, two bits a key: a register of the thread's.
   Only where the kernel has handed out a key. */
static inline uint32_t gs_arch_rights(void)
{
	uint32_t rights, zero;

	__asm__ __volatile__("rdpkru" : "=a"(rights), "=d"(zero) : "c"(0));
	return rights;
}

static inline void gs_arch_set_rights(uint32_t rights)
{
	__asm__ __volatile__("wrpkru" ::"a"(rights), "c"(0), "d"(0) : "memory");
}

/* What they were before the kernel handed out key: no access to its memory. */
static inline uint32_t gs_arch_rights_without(uint32_t rights, int key)
{
	return (rights & ~(3U << 2 * key)) | 1U << 2 * key;
}

/* In a context's entry function: unwinders need look no further. */
#define gs_arch_outermost() __asm__(".cfi_undefined rip")

/* boost.context's jump_fcontext(to, data). It is entered by a jump, below a return
   address pushed by hand: it leaves by a jump as well, so a call would put an entry on
   the processor's stack of return predictions that nothing takes off, and every return
   on the way out of the runtime would be mispredicted. Build without a red zone. */
static inline __attribute__((always_inline)) void gs_arch_context_jump(void *to, void *data,
									void **from, void **with)
{
	register void *result __asm__("rax");

	__asm__ __volatile__("leaq 1f(%%rip), %%rax\n\t"
			     "pushq %%rax\n\t"
			     "jmp jump_fcontext\n"
			     "1:"
			     : "=&r"(result), "+D"(to), "+S"(data), "=&d"(*with)
			     :
			     : "rcx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1",
			       "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			       "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	*from = result;
}

/* What boost's jump_fcontext leaves at the saved stack pointer (System V
   ABI): byte offsets of the callee-saved registers and the return address. */
enum {
	GS_ARCH_FRAME_R12 = 0x08,
	GS_ARCH_FRAME_R13 = 0x10,
	GS_ARCH_FRAME_R14 = 0x18,
	GS_ARCH_FRAME_R15 = 0x20,
	GS_ARCH_FRAME_RBX = 0x28,
	GS_ARCH_FRAME_RBP = 0x30,
	GS_ARCH_FRAME_PC = 0x38,
	GS_ARCH_FRAME_SIZE = 0x40,
};

/* The kernel's struct sigaction, and the code a signal handler returns to. */
struct gs_arch_sigaction {
	void *handler;
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};
#define GS_ARCH_SA_RESTORER 0x04000000UL
void gs_arch_sigreturn(void);

/* Where the thread that a signal interrupted was. */
#define gs_arch_context_pc(uc) ((uintptr_t)(uc)->uc_mcontext.gregs[16 /* REG_RIP */])
#define gs_arch_context_result(uc) ((uc)->uc_mcontext.gregs[13 /* REG_RAX */])
#define gs_arch_context_sp(uc) ((uintptr_t)(uc)->uc_mcontext.gregs[15 /* REG_RSP */])

/* A jump that replaces the first bytes of a libc function. */
#define GS_ARCH_REDIRECT_NEAR 5  /* jmp rel32 */
#define GS_ARCH_REDIRECT_FAR 14  /* jmp *0(%rip); .quad target */

#endif
