"""What compiled code sees of a row and of the tables: Numba types that behave as the rules expect.

The rules index and slice a row, and read attributes of the tables. Arrays would do, but slowly: their
references are counted, and nothing tells the compiler that the tables never change. These types are plain
pointers, and what follows from a domain is known to the compiler as constants.
"""

from __future__ import annotations

import hashlib
import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import RefType, iternext_impl
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global
from numba.extending import (
    intrinsic,
    lower_builtin,
    lower_getattr_generic,
    models,
    register_model,
    type_callable,
)

from dialogue_gym.compiled.words import Kind, layout
from dialogue_gym.rules.tables import RANDOM

_INT64 = ir.IntType(64)
_POINTER = types.CPointer(types.int64)


class TablesType(types.Type):
    """The tables: constants that the compiler knows, if there are any, and a pointer to all of them."""

    def __init__(self, constants: tuple[int, ...]) -> None:
        self.constants = constants
        super().__init__(f"Tables({hashlib.sha256(repr(constants).encode()).hexdigest()})")


class VectorIterator(types.SimpleIteratorType):
    """Iterates over a vector."""

    def __init__(self, dtype: Any, is_constant: bool) -> None:
        self.of = dtype, is_constant
        super().__init__(f"VectorIterator({dtype}, {is_constant})", types.int64)


class Vector(types.SimpleIterableType):
    """Integers one behind the other; constant where nothing that runs can change them."""

    def __init__(self, dtype: Any, is_constant: bool) -> None:
        self.dtype = dtype
        self.is_constant = is_constant
        super().__init__(f"Vector({dtype}, {is_constant})", VectorIterator(dtype, is_constant))


class Matrix(types.Type):
    """Vectors of the tables, of any lengths."""

    def __init__(self) -> None:
        super().__init__("Matrix")


class RowType(types.Type):
    """A row: its cells, which are small integers, and its random state, which is not."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(f"Row({dtype})")


class MaskType(types.Type):
    """One lane's mask, indexed by the domain's actions; what is set of those before `first` is dropped."""

    def __init__(self) -> None:
        super().__init__("Mask")


class Wrapping(types.Type):
    """A random state: its product and sum wrap round, and masking makes an int64 of it.

    (Numba lets the compiler assume that sums and products of int64 never overflow.)
    """

    def __init__(self) -> None:
        super().__init__("Wrapping")


table_vector = Vector(types.int64, True)
matrix = Matrix()
mask_type = MaskType()
wrapping = Wrapping()
_FIELD_TYPES = {
    Kind.SCALAR: types.int64,
    Kind.BLOCK: types.slice2_type,
    Kind.VECTOR: table_vector,
    Kind.MATRIX: matrix,
}


def _struct(of: type, *members: tuple[str, Any]) -> None:
    """Register how a type lies in memory; a member's type may be a function of the type."""

    class Model(models.StructModel):
        def __init__(self, manager: Any, of: Any) -> None:
            super().__init__(
                manager, of, [(name, at if isinstance(at, types.Type) else at(of)) for name, at in members]
            )

    register_model(of)(Model)


def _cells(of: Any) -> Any:
    return types.CPointer(of.dtype)


_struct(TablesType, ("constants", _POINTER), ("words", _POINTER))
_struct(Vector, ("data", _cells), ("length", types.int64))
_struct(
    VectorIterator,
    ("index", types.EphemeralPointer(types.int64)),
    ("vector", lambda of: Vector(*of.of)),
)
_struct(Matrix, ("words", _POINTER), ("rows", _POINTER))
_struct(RowType, ("cells", _cells), ("end", _cells), ("state", _POINTER))
_struct(MaskType, ("data", types.CPointer(types.int8)), ("first", types.int64))


@register_model(Wrapping)
class _WrappingModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _INT64)


def _view(context: Any, builder: Any, of: Any, value: Any = None) -> Any:
    return cgutils.create_struct_proxy(of)(context, builder, value=value)


def _load(builder: Any, pointer: Any, is_constant: bool = True) -> Any:
    value = builder.load(pointer)
    if is_constant:
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


def _at(builder: Any, pointer: Any, index: Any) -> Any:
    if isinstance(index, int):
        index = _INT64(index)
    return builder.gep(pointer, [index], inbounds=True)


# The tables.


@infer_getattr
class _TablesAttributes(AttributeTemplate):
    key = TablesType

    def generic_resolve(self, tables: Any, name: str) -> Any:
        field = layout().get(name)
        return _FIELD_TYPES[field.kind] if field else None


@lower_getattr_generic(TablesType)
def _tables_attribute(context: Any, builder: Any, of: Any, value: Any, name: str) -> Any:
    tables = _view(context, builder, of, value)
    field = layout()[name]
    words = tables.constants if field.follows_from_domain and of.constants else tables.words
    first = _load(builder, _at(builder, words, field.at))
    if field.kind is Kind.SCALAR:
        return first
    second = _load(builder, _at(builder, words, field.at + 1))
    result = _view(context, builder, _FIELD_TYPES[field.kind])
    if field.kind is Kind.BLOCK:
        result.start, result.stop, result.step = first, second, _INT64(1)
    elif field.kind is Kind.VECTOR:
        result.data, result.length = _at(builder, words, first), second
    else:
        result.words, result.rows = words, _at(builder, words, first)
    return result._getvalue()


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    prefer_literal = True

    def generic(self, args: Any, keywords: Any) -> Any:
        of, index = args
        if isinstance(of, RowType) and isinstance(index, types.SliceType):
            return signature(Vector(of.dtype, False), of, index)
        if not isinstance(index, types.Integer):
            return None
        if isinstance(of, RowType):
            is_random = isinstance(index, types.IntegerLiteral) and index.literal_value == RANDOM
            return signature(wrapping if is_random else types.int64, of, index)
        if isinstance(of, Vector):
            return signature(types.int64, of, index)
        return signature(table_vector, of, index) if isinstance(of, Matrix) else None


@lower_builtin(operator.getitem, Matrix, types.Integer)
def _matrix_row(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    source = _view(context, builder, sig.args[0], args[0])
    index = builder.mul(context.cast(builder, args[1], sig.args[1], types.int64), _INT64(2))
    result = _view(context, builder, table_vector)
    result.data = _at(builder, source.words, _load(builder, _at(builder, source.rows, index)))
    result.length = _load(builder, _at(builder, source.rows, builder.add(index, _INT64(1))))
    return result._getvalue()


@lower_builtin(operator.getitem, Vector, types.Integer)
def _vector_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of, index_type = sig.args
    vector = _view(context, builder, of, args[0])
    index = context.cast(builder, args[1], index_type, types.int64)
    value = _load(builder, _at(builder, vector.data, index), of.is_constant)
    return context.cast(builder, value, of.dtype, types.int64)


@type_callable(len)
def _type_len(context: Any) -> Any:
    return lambda of: types.int64 if isinstance(of, Vector) else None


@lower_builtin(len, Vector)
def _vector_len(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _view(context, builder, sig.args[0], args[0]).length


@lower_builtin("getiter", Vector)
def _vector_iterator(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    iterator = _view(context, builder, sig.return_type)
    iterator.index = cgutils.alloca_once_value(builder, _INT64(0))
    iterator.vector = args[0]
    return iterator._getvalue()


@lower_builtin("iternext", VectorIterator)
@iternext_impl(RefType.UNTRACKED)
def _vector_next(context: Any, builder: Any, sig: Any, args: Any, result: Any) -> None:
    (of,) = sig.args
    dtype, is_constant = of.of
    iterator = _view(context, builder, of, args[0])
    vector = _view(context, builder, Vector(dtype, is_constant), iterator.vector)
    index = builder.load(iterator.index)
    is_valid = builder.icmp_signed("<", index, vector.length)
    result.set_valid(is_valid)
    with builder.if_then(is_valid):
        value = _load(builder, _at(builder, vector.data, index), is_constant)
        result.yield_(context.cast(builder, value, dtype, types.int64))
        builder.store(builder.add(index, _INT64(1)), iterator.index)


# Rows.


def _cell(context: Any, builder: Any, sig: Any, args: Any) -> tuple[Any, Any]:
    """Return the place that an index means, and the type of what lies there."""
    of, index_type = sig.args[:2]
    row = _view(context, builder, of, args[0])
    if isinstance(index_type, types.IntegerLiteral) and index_type.literal_value < 0:
        if index_type.literal_value == RANDOM:
            return row.state, types.int64
        return _at(builder, row.end, index_type.literal_value), of.dtype
    return _at(builder, row.cells, context.cast(builder, args[1], index_type, types.int64)), of.dtype


@lower_builtin(operator.getitem, RowType, types.Integer)
def _row_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer, dtype = _cell(context, builder, sig, args)
    value = builder.load(pointer)
    return value if sig.return_type == wrapping else context.cast(builder, value, dtype, types.int64)


@lower_builtin(operator.getitem, RowType, types.SliceType)
def _row_slice(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    row = _view(context, builder, sig.args[0], args[0])
    block = _view(context, builder, sig.args[1], args[1])
    result = _view(context, builder, sig.return_type)
    result.data = _at(builder, row.cells, block.start)
    result.length = builder.sub(block.stop, block.start)
    return result._getvalue()


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    prefer_literal = True

    def generic(self, args: Any, keywords: Any) -> Any:
        of, index, value = args
        if isinstance(of, RowType) and isinstance(index, types.SliceType) and isinstance(value, Vector):
            return signature(types.none, of, index, value)
        if isinstance(of, RowType | MaskType) and isinstance(index, types.Integer):
            return signature(types.none, of, index, types.int64)
        return None


@lower_builtin(operator.setitem, RowType, types.Integer, types.Integer)
def _set_cell(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer, dtype = _cell(context, builder, sig, args)
    builder.store(context.cast(builder, args[2], types.int64, dtype), pointer)
    return context.get_dummy_value()


@lower_builtin(operator.setitem, RowType, types.SliceType, Vector)
def _set_block(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    row_type, block_type, vector_type = sig.args
    row = _view(context, builder, row_type, args[0])
    block = _view(context, builder, block_type, args[1])
    vector = _view(context, builder, vector_type, args[2])
    to = _at(builder, row.cells, block.start)
    with cgutils.for_range(builder, vector.length) as loop:
        value = _load(builder, _at(builder, vector.data, loop.index), vector_type.is_constant)
        value = context.cast(builder, value, vector_type.dtype, row_type.dtype)
        builder.store(value, _at(builder, to, loop.index))
    return context.get_dummy_value()


@lower_builtin(operator.setitem, MaskType, types.Integer, types.Integer)
def _set_mask(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    mask = _view(context, builder, sig.args[0], args[0])
    index = context.cast(builder, args[1], sig.args[1], types.int64)
    with builder.if_then(builder.icmp_signed(">=", index, mask.first)):
        value = context.cast(builder, args[2], types.int64, types.int8)
        builder.store(value, _at(builder, mask.data, builder.sub(index, mask.first)))
    return context.get_dummy_value()


# The random state.


def _wrap(function: Any, name: str, result: Any) -> None:
    @infer_global(function)
    class _Template(AbstractTemplate):
        def generic(self, args: Any, keywords: Any) -> Any:
            if args[0] == wrapping and isinstance(args[1], types.Integer):
                return signature(result, wrapping, types.int64)
            return None

    @lower_builtin(function, Wrapping, types.Integer)
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, name)(*args)


_wrap(operator.mul, "mul", wrapping)
_wrap(operator.add, "add", wrapping)
_wrap(operator.and_, "and_", types.int64)


# From arrays to these types.


def tables_maker(constants: tuple[int, ...]) -> Any:
    """Return a function that compiled code makes tables with, out of an int64 array of words."""
    of = TablesType(constants)

    @intrinsic
    def make_tables(context: Any, words: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            tables = _view(context, builder, of)
            tables.words = _array(context, builder, sig, args, 0).data
            if constants:
                array = ir.ArrayType(_INT64, len(constants))
                known = ir.GlobalVariable(builder.module, array, builder.module.get_unique_name("tables"))
                known.linkage = "internal"
                known.global_constant = True
                known.initializer = ir.Constant(array, [_INT64(word) for word in constants])
                tables.constants = builder.bitcast(known, _INT64.as_pointer())
            return tables._getvalue()

        return of(words), generate

    return make_tables


def _array(context: Any, builder: Any, sig: Any, args: Any, position: int) -> Any:
    return context.make_array(sig.args[position])(context, builder, args[position])


@intrinsic
def make_row(context: Any, cells: Any, states: Any, lane: Any) -> Any:
    """Return lane `lane` of `cells` (2-d) and `states` (int64) as a row."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = _array(context, builder, sig, args, 0)
        size = cgutils.unpack_tuple(builder, array.shape)[1]
        row = _view(context, builder, sig.return_type)
        row.cells = _at(builder, array.data, builder.mul(size, args[2]))
        row.end = _at(builder, row.cells, size)
        row.state = _at(builder, _array(context, builder, sig, args, 1).data, args[2])
        return row._getvalue()

    return RowType(cells.dtype)(cells, states, types.int64), generate


@intrinsic
def make_mask(context: Any, masks: Any, lane: Any, actions: Any, first: Any) -> Any:
    """Return lane `lane` of `masks` (2-d, int8), all allowed: the domain's `actions` from `first` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _, lane, actions, first = args
        mask = _view(context, builder, mask_type)
        size = builder.sub(actions, first)
        mask.data = _at(builder, _array(context, builder, sig, args, 0).data, builder.mul(size, lane))
        mask.first = first
        # Both sizes are constants where `actions` is, and constant sizes take no call.
        is_auto = builder.icmp_signed("==", first, _INT64(1))
        with builder.if_else(is_auto) as (auto, explicit):
            with auto:
                cgutils.memset(builder, mask.data, builder.sub(actions, _INT64(1)), 1)
            with explicit:
                cgutils.memset(builder, mask.data, actions, 1)
        return mask._getvalue()

    return mask_type(masks, types.int64, types.int64, types.int64), generate


@intrinsic
def copy_cells(context: Any, row: Any, count: Any, array: Any, at: Any) -> Any:
    """Copy the first `count` cells of a row to an array (2-d), from its element `at` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source = _view(context, builder, sig.args[0], args[0]).cells
        to = _at(builder, _array(context, builder, sig, args, 2).data, args[3])
        if row.dtype == array.dtype:
            cgutils.raw_memcpy(builder, to, source, args[1], row.dtype.bitwidth // 8)
        else:
            with cgutils.for_range(builder, args[1]) as loop:
                value = builder.load(_at(builder, source, loop.index))
                value = context.cast(builder, value, row.dtype, array.dtype)
                builder.store(value, _at(builder, to, loop.index))
        return context.get_dummy_value()

    return types.none(row, types.int64, array, types.int64), generate
