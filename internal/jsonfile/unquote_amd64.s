#include "textflag.h"

// func unquoteVector(dst, src *byte, n int) (written, read int, high, low uint64)
//
// 64 bytes at a time, or what is left of them: masks tell where backslashes and
// quotes are, and from them where the first byte is that ends the stretch. What is
// before it goes to dst without its backslashes. The least of all bytes is kept for each
// of 64 places.
TEXT ·unquoteVector(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	XORQ R8, R8
	MOVL $'\\', AX
	VPBROADCASTB AX, Z1
	MOVL $'"', AX
	VPBROADCASTB AX, Z2
	MOVL $' ', AX
	VPBROADCASTB AX, Z4
	VMOVDQA64 Z4, Z5

loop:
	CMPQ CX, $64
	JLT  tail
	VMOVDQU8 (SI), Z0

work:
	VPCMPEQB Z0, Z1, K1
	VPCMPEQB Z0, Z2, K2
	VPMINUB  Z0, Z5, Z5
	KMOVQ    K1, AX // backslashes
	KMOVQ    K2, BX // quotes

	// A byte after a backslash is to be a quote, or the backslash ends the stretch;
	// so does a quote without a backslash. Two backslashes are of the former kind,
	// so it does not matter what the bits say of what follows them.
	LEAQ (AX)(AX*1), DX
	MOVQ BX, R12
	NOTQ R12
	ANDQ DX, R12
	SHRQ $1, R12
	NOTQ DX
	ANDQ BX, DX
	ORQ  DX, R12

	// What follows the last of 64 bytes is not known yet. It is looked at again.
	MOVQ AX, R13
	SHRQ $63, R13
	SHLQ $63, R13
	ORQ  R13, R12

	// R13 is how many bytes belong to the stretch.
	TZCNTQ  R12, R13
	CMPQ    R13, CX
	CMOVQGT CX, R13
	NOTQ    AX
	BZHIQ   R13, AX, AX
	KMOVQ   AX, K3
	VPCOMPRESSB.Z Z0, K3, Z3
	VMOVDQU8 Z3, (DI)
	VPMOVB2M Z0, K4
	KMOVQ   K4, DX
	BZHIQ   R13, DX, DX
	ORQ     DX, R8
	POPCNTQ AX, AX
	ADDQ    AX, DI
	ADDQ    R13, SI
	SUBQ    R13, CX
	CMPQ    R13, $63
	JGE     loop

done:
	VPCMPUB $1, Z4, Z5, K1
	KMOVQ   K1, AX
	MOVQ    AX, low+48(FP)
	VZEROUPPER
	SUBQ dst+0(FP), DI
	MOVQ DI, written+24(FP)
	SUBQ src+8(FP), SI
	MOVQ SI, read+32(FP)
	MOVQ R8, high+40(FP)
	RET

tail:
	TESTQ CX, CX
	JZ    done
	MOVQ  $-1, AX
	BZHIQ CX, AX, AX
	KMOVQ AX, K3
	VMOVDQA64 Z4, Z0
	VMOVDQU8 (SI), K3, Z0
	JMP   work

// func lookVector(src *byte, n int) (low, high uint64)
//
// The least of all bytes is kept for each of 64 places, and all bits that are set in
// any of them.
TEXT ·lookVector(SB), NOSPLIT, $0-32
	MOVQ src+0(FP), SI
	MOVQ n+8(FP), CX
	MOVL $' ', AX
	VPBROADCASTB AX, Z4
	VMOVDQA64 Z4, Z5
	VMOVDQA64 Z4, Z6

look:
	CMPQ CX, $64
	JLT  rest
	VMOVDQU8 (SI), Z0
	VPMINUB Z0, Z5, Z5
	VPORQ   Z0, Z6, Z6
	ADDQ $64, SI
	SUBQ $64, CX
	JMP  look

rest:
	MOVQ  $-1, AX
	BZHIQ CX, AX, AX
	KMOVQ AX, K3
	VMOVDQA64 Z4, Z0
	VMOVDQU8 (SI), K3, Z0
	VPMINUB Z0, Z5, Z5
	VPORQ   Z0, Z6, Z6
	VPCMPUB $1, Z4, Z5, K1
	VPMOVB2M Z6, K2
	KMOVQ K1, AX
	MOVQ  AX, low+16(FP)
	KMOVQ K2, BX
	MOVQ  BX, high+24(FP)
	VZEROUPPER
	RET
