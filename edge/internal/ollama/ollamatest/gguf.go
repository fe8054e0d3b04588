package ollamatest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// The model: Llama architecture with random weights, small enough to be written
// by a test in milliseconds. Its text is noise; its protocol is real.
const (
	dim, ffn, heads, kvHeads, blocks = 32, 32, 2, 1, 1
	headDim                          = dim / heads
	contextLength                    = 2048
	alignment                        = 32
)

// ModelSize is how many bytes Model gives.
const ModelSize = 36_864

// GGUF value and tensor types (ggml/docs/gguf.md, version 3).
const (
	typeU32, typeF32, typeBool, typeString, typeArray, typeI32 = 4, 6, 7, 8, 9, 5

	tensorF32, tensorF16 = 0, 1
)

// Token types of a SentencePiece vocabulary.
const (
	tokenNormal, tokenUnknown, tokenControl, tokenByte = 1, 2, 3, 6
)

// file builds a GGUF file.
type file struct {
	keys    bytes.Buffer
	nKeys   uint64
	tensors []tensor
	random  *rand.Rand
}

type tensor struct {
	name string
	dims []uint64
	kind uint32
	data []byte
}

func le(b *bytes.Buffer, v any) {
	if err := binary.Write(b, binary.LittleEndian, v); err != nil {
		panic(err) // a buffer takes every number of fixed size
	}
}

func text(b *bytes.Buffer, s string) {
	le(b, uint64(len(s)))
	b.WriteString(s)
}

func (f *file) key(name string, kind uint32) {
	f.nKeys++
	text(&f.keys, name)
	le(&f.keys, kind)
}

func (f *file) u32(name string, v uint32)    { f.key(name, typeU32); le(&f.keys, v) }
func (f *file) f32(name string, v float32)   { f.key(name, typeF32); le(&f.keys, v) }
func (f *file) bool(name string, v bool)     { f.key(name, typeBool); le(&f.keys, v) }
func (f *file) string(name string, s string) { f.key(name, typeString); text(&f.keys, s) }

func (f *file) array(name string, kind uint32, n int) {
	f.key(name, typeArray)
	le(&f.keys, kind)
	le(&f.keys, uint64(n))
}

// ones adds a norm: F32, all 1.
func (f *file) ones(name string) {
	var b bytes.Buffer
	for range dim {
		le(&b, float32(1))
	}
	f.tensors = append(f.tensors, tensor{name, []uint64{dim}, tensorF32, b.Bytes()})
}

// weights adds a matrix: F16, normal with standard deviation 0.02. Rows in zero
// are all zeros.
func (f *file) weights(name string, cols, rows int, zero ...int) {
	var b bytes.Buffer
	for r := range rows {
		empty := false
		for _, z := range zero {
			empty = empty || z == r
		}
		for range cols {
			v := half(float32(f.random.NormFloat64() * 0.02))
			if empty {
				v = 0
			}
			le(&b, v)
		}
	}
	f.tensors = append(f.tensors, tensor{name, []uint64{uint64(cols), uint64(rows)}, tensorF16, b.Bytes()})
}

// half is v as IEEE 754 binary16; small values become zero.
func half(v float32) uint16 {
	bits := math.Float32bits(v)
	sign, exponent, fraction := uint16(bits>>16&0x8000), int(bits>>23&0xff)-127+15, bits&0x7fffff
	if exponent <= 0 {
		return sign
	}
	return sign | uint16(exponent)<<10 | uint16(fraction>>13)
}

func (f *file) bytes() []byte {
	var b bytes.Buffer
	b.WriteString("GGUF")
	le(&b, uint32(3))
	le(&b, uint64(len(f.tensors)))
	le(&b, f.nKeys)
	b.Write(f.keys.Bytes())
	offset := 0
	for _, t := range f.tensors {
		text(&b, t.name)
		le(&b, uint32(len(t.dims)))
		le(&b, t.dims)
		le(&b, t.kind)
		le(&b, uint64(offset))
		offset += padded(len(t.data))
	}
	b.Write(make([]byte, padded(b.Len())-b.Len()))
	for _, t := range f.tensors {
		b.Write(t.data)
		b.Write(make([]byte, padded(len(t.data))-len(t.data)))
	}
	return b.Bytes()
}

func padded(n int) int { return (n + alignment - 1) / alignment * alignment }

// Model is a GGUF file with the same random weights every time.
func Model() []byte {
	f := &file{random: rand.New(rand.NewPCG(1, 2))} // #nosec G404 -- the weights of a test model, the same each time
	f.describe()
	f.vocabulary()
	// The end-of-text row is zero, so that an answer rarely stops by itself.
	f.weights("token_embd.weight", dim, vocabulary, 2)
	for n := range blocks {
		block := fmt.Sprintf("blk.%d.", n)
		f.ones(block + "attn_norm.weight")
		f.weights(block+"attn_q.weight", dim, heads*headDim)
		f.weights(block+"attn_k.weight", dim, kvHeads*headDim)
		f.weights(block+"attn_v.weight", dim, kvHeads*headDim)
		f.weights(block+"attn_output.weight", heads*headDim, dim)
		f.ones(block + "ffn_norm.weight")
		f.weights(block+"ffn_gate.weight", dim, ffn)
		f.weights(block+"ffn_up.weight", dim, ffn)
		f.weights(block+"ffn_down.weight", ffn, dim)
	}
	f.ones("output_norm.weight")
	return f.bytes()
}

func (f *file) describe() {
	f.string("general.architecture", "llama")
	f.string("general.name", "uhs-test")
	f.u32("general.file_type", tensorF16)
	f.u32("llama.context_length", contextLength)
	f.u32("llama.embedding_length", dim)
	f.u32("llama.block_count", blocks)
	f.u32("llama.feed_forward_length", ffn)
	f.u32("llama.attention.head_count", heads)
	f.u32("llama.attention.head_count_kv", kvHeads)
	f.u32("llama.attention.key_length", headDim)
	f.u32("llama.attention.value_length", headDim)
	f.u32("llama.rope.dimension_count", headDim)
	f.f32("llama.rope.freq_base", 500_000)
	f.f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
	f.u32("llama.vocab_size", vocabulary)
}

// vocabulary is the number of tokens: three special ones, the 256 bytes and a
// few words.
const vocabulary = 262

func (f *file) vocabulary() {
	tokens, kinds := []string{"<unk>", "<s>", "</s>"}, []int32{tokenUnknown, tokenControl, tokenControl}
	for b := range 256 {
		tokens, kinds = append(tokens, fmt.Sprintf("<0x%02X>", b)), append(kinds, tokenByte)
	}
	for _, w := range []string{"\u2581the", "\u2581bird", "\u2581reads"} {
		tokens, kinds = append(tokens, w), append(kinds, tokenNormal)
	}
	f.string("tokenizer.ggml.model", "llama")
	f.array("tokenizer.ggml.tokens", typeString, len(tokens))
	for _, s := range tokens {
		text(&f.keys, s)
	}
	f.array("tokenizer.ggml.scores", typeF32, len(tokens))
	for i := range tokens {
		le(&f.keys, float32(-i))
	}
	f.array("tokenizer.ggml.token_type", typeI32, len(kinds))
	for _, k := range kinds {
		le(&f.keys, k)
	}
	f.u32("tokenizer.ggml.bos_token_id", 1)
	f.u32("tokenizer.ggml.eos_token_id", 2)
	f.u32("tokenizer.ggml.unknown_token_id", 0)
	f.bool("tokenizer.ggml.add_bos_token", true)
	f.bool("tokenizer.ggml.add_eos_token", false)
}
