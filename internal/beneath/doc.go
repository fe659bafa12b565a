// Package beneath opens files whose path others have a hand in: the user of a rootless
// Docker owns what lies below its data root, and a symbolic link there would lead root
// wherever that user likes. So the way to a data root is resolved once, over links that
// nobody else could have made, and what is below is opened without following any.
package beneath
