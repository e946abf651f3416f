package preflight

import "reflect"

// weigh is about how many bytes a list takes, with an index of it.
func weigh[T any](items []T) int {
	const indexed = 200 // of an item: its places in maps
	size := indexed * len(items)
	for i := range items {
		size += sizeOf(reflect.ValueOf(&items[i]).Elem())
	}
	return size
}

// sizeOf is a value and what it leads to, texts above all.
func sizeOf(v reflect.Value) int {
	size := int(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		size += v.Len()
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			size += sizeOf(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return size + v.Len()
		}
		for i := range v.Len() {
			size += sizeOf(v.Index(i))
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			size += sizeOf(iter.Key()) + sizeOf(iter.Value())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			size += sizeOf(field) - int(field.Type().Size())
		}
	}
	return size
}
