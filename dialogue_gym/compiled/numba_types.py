"""The types of a row and of the tables in compiled code: Numba types that behave as the rules expect.

The rules index and slice a row, and read attributes of the tables. Arrays would do, but slowly: their
references are counted, and nothing tells the compiler that the tables never change. These types are plain
pointers, and everything that follows from a domain is known to the compiler as constants.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import RefType, iternext_impl
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global
from numba.extending import (
    lower_builtin,
    lower_getattr_generic,
    models,
    register_model,
    type_callable,
)

from dialogue_gym.compiled.table_layout import SETS, Field, Kind, layout
from dialogue_gym.rules.tables import RANDOM

INT64 = ir.IntType(64)
_POINTER = types.CPointer(types.int64)


class TablesType(types.Type):
    """The tables: a pointer to all of them, and if the compiler knows some, one to those constants.

    The type is the same for all domains, which so share the compiled rules. Those are inlined where the
    constants are known, and only then specialized. With `has_sets` the places of sets of venues are those of
    a row that has them apart.
    """

    def __init__(self, has_constants: bool, has_sets: bool) -> None:
        self.has_constants = has_constants
        self.has_sets = has_sets
        super().__init__(f"Tables({has_constants}, {has_sets})")


class VectorIterator(types.SimpleIteratorType):
    """Iterator over a vector."""

    def __init__(self, dtype: Any, is_constant: bool) -> None:
        self.of = dtype, is_constant
        super().__init__(f"VectorIterator({dtype}, {is_constant})", types.int64)


class Vector(types.SimpleIterableType):
    """Consecutive numbers; constant if no running code can change them.

    Unlike those of an array, its indices do not count from the end if they are negative.
    """

    def __init__(self, dtype: Any, is_constant: bool) -> None:
        self.dtype = dtype
        self.is_constant = is_constant
        super().__init__(f"Vector({dtype}, {is_constant})", VectorIterator(dtype, is_constant))


class Matrix(types.Type):
    """Vectors of the tables, of any lengths."""

    def __init__(self) -> None:
        super().__init__("Matrix")


class RowType(types.Type):
    """A row: its cells, which are small integers, and its random state, an int64.

    With `has_sets` the words of sets of venues, int64, lie apart from the cells as well. Each set has `words`
    of them; the row knows their places among the cells, too, which stay unused.
    """

    def __init__(self, dtype: Any, has_sets: bool) -> None:
        self.dtype = dtype
        self.has_sets = has_sets
        super().__init__(f"Row({dtype}, {has_sets})")


class SetPlace(types.Type):
    """The place of a word of a row's sets of venues, among these words; a cell would be too small for one.

    The tables have the places of the first words, to which rules add the numbers of further ones.
    """

    def __init__(self) -> None:
        super().__init__("SetPlace")


class MaskType(types.Type):
    """One lane's mask, indexed by the domain's actions; entries before `first` are dropped."""

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
set_place = SetPlace()
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
_struct(
    RowType,
    ("cells", _cells),
    ("end", _cells),
    ("state", _POINTER),
    ("sets", _POINTER),
    ("words", types.int64),
    *((name, types.int64) for name in SETS),
)
_struct(MaskType, ("data", types.CPointer(types.int8)), ("first", types.int64))


@register_model(SetPlace)
@register_model(Wrapping)
class _Int64Model(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, INT64)


def view(context: Any, builder: Any, of: Any, value: Any = None) -> Any:
    """Return a struct value, or an empty one, with its members as attributes."""
    return cgutils.create_struct_proxy(of)(context, builder, value=value)


def _load(builder: Any, pointer: Any, is_constant: bool = True) -> Any:
    value = builder.load(pointer)
    if is_constant:
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


def element(builder: Any, pointer: Any, index: Any) -> Any:
    """Return a pointer to an element of a pointer's target."""
    if isinstance(index, int):
        index = INT64(index)
    return builder.gep(pointer, [index], inbounds=True)


# The tables.


@infer_getattr
class _TablesAttributes(AttributeTemplate):
    key = TablesType

    def generic_resolve(self, tables: Any, name: str) -> Any:
        field = layout().get(name)
        if tables.has_sets and name in SETS:
            return set_place
        return _FIELD_TYPES[field.kind] if field else None


def _words_of(tables: Any, of: TablesType, field: Field) -> Any:
    return tables.constants if field.is_constant and of.has_constants else tables.words


def scalar(context: Any, builder: Any, of: TablesType, value: Any, name: str) -> Any:
    """Return a number of the tables as it is; that of a set is its place among cells."""
    tables, field = view(context, builder, of, value), layout()[name]
    return _load(builder, element(builder, _words_of(tables, of, field), field.at))


@lower_getattr_generic(TablesType)
def _tables_attribute(context: Any, builder: Any, of: Any, value: Any, name: str) -> Any:
    if of.has_sets and name in SETS:
        return builder.mul(INT64(SETS.index(name)), scalar(context, builder, of, value, "words"))
    field = layout()[name]
    if field.kind is Kind.SCALAR:
        return scalar(context, builder, of, value, name)
    words = _words_of(view(context, builder, of, value), of, field)
    first = _load(builder, element(builder, words, field.at))
    second = _load(builder, element(builder, words, field.at + 1))
    result = view(context, builder, _FIELD_TYPES[field.kind])
    if field.kind is Kind.BLOCK:
        result.start, result.stop, result.step = first, second, INT64(1)
    elif field.kind is Kind.VECTOR:
        result.data, result.length = element(builder, words, first), second
    else:
        result.words, result.rows = words, element(builder, words, first)
    return result._getvalue()


def _item_type(of: Vector) -> Any:
    return types.float64 if isinstance(of.dtype, types.Float) else types.int64


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    prefer_literal = True

    def generic(self, args: Any, keywords: Any) -> Any:
        of, index = args
        if isinstance(of, RowType) and isinstance(index, types.SliceType):
            return signature(Vector(of.dtype, False), of, index)
        if isinstance(of, RowType) and index == set_place:
            return signature(types.int64, of, index)
        if not isinstance(index, types.Integer):
            return None
        if isinstance(of, RowType):
            is_random = isinstance(index, types.IntegerLiteral) and index.literal_value == RANDOM
            return signature(wrapping if is_random else types.int64, of, index)
        if isinstance(of, Vector):
            return signature(_item_type(of), of, index)
        return signature(table_vector, of, index) if isinstance(of, Matrix) else None


@lower_builtin(operator.getitem, Matrix, types.Integer)
def _matrix_row(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    source = view(context, builder, sig.args[0], args[0])
    index = builder.mul(context.cast(builder, args[1], sig.args[1], types.int64), INT64(2))
    result = view(context, builder, table_vector)
    result.data = element(builder, source.words, _load(builder, element(builder, source.rows, index)))
    result.length = _load(builder, element(builder, source.rows, builder.add(index, INT64(1))))
    return result._getvalue()


@lower_builtin(operator.getitem, Vector, types.Integer)
def _vector_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of, index_type = sig.args
    vector = view(context, builder, of, args[0])
    index = context.cast(builder, args[1], index_type, types.int64)
    value = _load(builder, element(builder, vector.data, index), of.is_constant)
    return context.cast(builder, value, of.dtype, sig.return_type)


@type_callable(len)
def _type_len(context: Any) -> Any:
    return lambda of: types.int64 if isinstance(of, Vector) else None


@lower_builtin(len, Vector)
def _vector_len(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return view(context, builder, sig.args[0], args[0]).length


@lower_builtin("getiter", Vector)
def _vector_iterator(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    iterator = view(context, builder, sig.return_type)
    iterator.index = cgutils.alloca_once_value(builder, INT64(0))
    iterator.vector = args[0]
    return iterator._getvalue()


@lower_builtin("iternext", VectorIterator)
@iternext_impl(RefType.UNTRACKED)
def _vector_next(context: Any, builder: Any, sig: Any, args: Any, result: Any) -> None:
    (of,) = sig.args
    dtype, is_constant = of.of
    iterator = view(context, builder, of, args[0])
    vector = view(context, builder, Vector(dtype, is_constant), iterator.vector)
    index = builder.load(iterator.index)
    is_valid = builder.icmp_signed("<", index, vector.length)
    result.set_valid(is_valid)
    with builder.if_then(is_valid):
        value = _load(builder, element(builder, vector.data, index), is_constant)
        result.yield_(context.cast(builder, value, dtype, types.int64))
        builder.store(builder.add(index, INT64(1)), iterator.index)


# Rows.


def _cell(context: Any, builder: Any, sig: Any, args: Any) -> tuple[Any, Any]:
    """Return a pointer to the cell at an index, and the type of its content."""
    of, index_type = sig.args[:2]
    row = view(context, builder, of, args[0])
    if isinstance(index_type, types.IntegerLiteral) and index_type.literal_value < 0:
        if index_type.literal_value == RANDOM:
            return row.state, types.int64
        return element(builder, row.end, index_type.literal_value), of.dtype
    return element(builder, row.cells, context.cast(builder, args[1], index_type, types.int64)), of.dtype


@lower_builtin(operator.getitem, RowType, types.Integer)
def _row_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer, dtype = _cell(context, builder, sig, args)
    value = builder.load(pointer)
    return value if sig.return_type == wrapping else context.cast(builder, value, dtype, types.int64)


@lower_builtin(operator.getitem, RowType, SetPlace)
def _get_word(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    sets = view(context, builder, sig.args[0], args[0]).sets
    return builder.load(element(builder, sets, args[1]))


@lower_builtin(operator.getitem, RowType, types.SliceType)
def _row_slice(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    row = view(context, builder, sig.args[0], args[0])
    block = view(context, builder, sig.args[1], args[1])
    result = view(context, builder, sig.return_type)
    result.data = element(builder, row.cells, block.start)
    result.length = builder.sub(block.stop, block.start)
    return result._getvalue()


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    prefer_literal = True

    def generic(self, args: Any, keywords: Any) -> Any:
        of, index, value = args
        if isinstance(of, RowType) and isinstance(index, types.SliceType) and isinstance(value, Vector):
            return signature(types.none, of, index, value)
        if isinstance(of, RowType) and index == set_place:
            return signature(types.none, of, index, types.int64)
        if isinstance(of, RowType | MaskType) and isinstance(index, types.Integer):
            return signature(types.none, of, index, types.int64)
        if isinstance(of, Vector) and not of.is_constant and isinstance(index, types.Integer):
            return signature(types.none, of, index, _item_type(of))
        return None


@lower_builtin(operator.setitem, RowType, types.Integer, types.Integer)
def _set_cell(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer, dtype = _cell(context, builder, sig, args)
    builder.store(context.cast(builder, args[2], types.int64, dtype), pointer)
    return context.get_dummy_value()


@lower_builtin(operator.setitem, RowType, types.SliceType, Vector)
def _set_block(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    row_type, block_type, vector_type = sig.args
    row = view(context, builder, row_type, args[0])
    block = view(context, builder, block_type, args[1])
    vector = view(context, builder, vector_type, args[2])
    to = element(builder, row.cells, block.start)
    with cgutils.for_range(builder, vector.length) as loop:
        value = _load(builder, element(builder, vector.data, loop.index), vector_type.is_constant)
        value = context.cast(builder, value, vector_type.dtype, row_type.dtype)
        builder.store(value, element(builder, to, loop.index))
    if row_type.has_sets and vector_type == table_vector:  # no part of a row that has sets is copied
        for number, name in enumerate(SETS):
            _set_words(builder, row, number, getattr(row, name), block, vector)
    return context.get_dummy_value()


def _set_words(builder: Any, row: Any, number: int, place: Any, block: Any, vector: Any) -> None:
    """Set the words of a set, if its place is in a block of the row that is set to a vector of the tables."""
    is_after = builder.icmp_signed(">=", place, block.start)
    with builder.if_then(builder.and_(is_after, builder.icmp_signed("<", place, block.stop))):
        source = element(builder, vector.data, builder.sub(place, block.start))
        target = element(builder, row.sets, builder.mul(row.words, INT64(number)))
        with cgutils.for_range(builder, row.words) as loop:
            word = _load(builder, element(builder, source, loop.index))
            builder.store(word, element(builder, target, loop.index))


@lower_builtin(operator.setitem, RowType, SetPlace, types.Integer)
def _set_word(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    sets = view(context, builder, sig.args[0], args[0]).sets
    builder.store(context.cast(builder, args[2], sig.args[2], types.int64), element(builder, sets, args[1]))
    return context.get_dummy_value()


@lower_builtin(operator.setitem, Vector, types.Integer, types.Number)
def _set_vector_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    of, index_type, value_type = sig.args
    vector = view(context, builder, of, args[0])
    index = context.cast(builder, args[1], index_type, types.int64)
    value = context.cast(builder, args[2], value_type, of.dtype)
    builder.store(value, element(builder, vector.data, index))
    return context.get_dummy_value()


@lower_builtin(operator.setitem, MaskType, types.Integer, types.Integer)
def _set_mask(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    mask = view(context, builder, sig.args[0], args[0])
    index = context.cast(builder, args[1], sig.args[1], types.int64)
    with builder.if_then(builder.icmp_signed(">=", index, mask.first)):
        value = context.cast(builder, args[2], types.int64, types.int8)
        builder.store(value, element(builder, mask.data, builder.sub(index, mask.first)))
    return context.get_dummy_value()


# Places of sets, which the tables know.


@infer_global(operator.add)
class _AddToPlace(AbstractTemplate):
    def generic(self, args: Any, keywords: Any) -> Any:
        if args[0] == set_place and isinstance(args[1], types.Integer):
            return signature(set_place, set_place, types.int64)
        return None


@lower_builtin(operator.add, SetPlace, types.Integer)
def _add_to_place(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.add(*args)


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
